// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_device_feature}: the argument of VFIO_DEVICE_FEATURE, followed by the data of
 * the feature. Linux 5.7.
 */
public final class VfioDeviceFeature extends Struct {
  public static final int SIZEOF = 8;
  public static final int ARGSZ = 0;
  public static final int FLAGS = 4;
  public static final int DATA = 8;

  /** With room for data behind the struct, in bytes. */
  public VfioDeviceFeature(int bytes) {
    super(SIZEOF + bytes);
    putInt(ARGSZ, capacity());
  }

  public int argsz() {
    return getInt(ARGSZ);
  }

  public VfioDeviceFeature argsz(int value) {
    putInt(ARGSZ, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioDeviceFeature flags(int value) {
    putInt(FLAGS, value);
    return this;
  }
}
