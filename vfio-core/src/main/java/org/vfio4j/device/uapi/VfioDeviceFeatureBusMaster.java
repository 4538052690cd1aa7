// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_device_feature_bus_master}: data of VFIO_DEVICE_FEATURE_BUS_MASTER. Linux 6.7.
 */
public final class VfioDeviceFeatureBusMaster extends Struct {
  public static final int SIZEOF = 4;
  public static final int OP = 0;

  public VfioDeviceFeatureBusMaster() {
    super(SIZEOF);
  }

  public int op() {
    return getInt(OP);
  }

  public VfioDeviceFeatureBusMaster op(int value) {
    putInt(OP, value);
    return this;
  }
}
