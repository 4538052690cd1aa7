// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_device_feature_mig_state}: data of VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE. Linux
 * 5.18.
 */
public final class VfioDeviceFeatureMigState extends Struct {
  public static final int SIZEOF = 8;
  public static final int DEVICE_STATE = 0;
  public static final int DATA_FD = 4;

  public VfioDeviceFeatureMigState() {
    super(SIZEOF);
  }

  public int deviceState() {
    return getInt(DEVICE_STATE);
  }

  public VfioDeviceFeatureMigState deviceState(int value) {
    putInt(DEVICE_STATE, value);
    return this;
  }

  public int dataFd() {
    return getInt(DATA_FD);
  }

  public VfioDeviceFeatureMigState dataFd(int value) {
    putInt(DATA_FD, value);
    return this;
  }
}
