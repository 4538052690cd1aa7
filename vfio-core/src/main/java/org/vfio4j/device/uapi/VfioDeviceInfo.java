// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_device_info}: the argument of VFIO_DEVICE_GET_INFO, {@code cap_offset} since
 * Linux 5.10.
 */
public final class VfioDeviceInfo extends Struct {
  public static final int SIZEOF = 24;
  public static final int ARGSZ = 0;
  public static final int FLAGS = 4;
  public static final int NUM_REGIONS = 8;
  public static final int NUM_IRQS = 12;
  public static final int CAP_OFFSET = 16;

  /** With room for capabilities behind the struct, in bytes. */
  public VfioDeviceInfo(int bytes) {
    super(SIZEOF + bytes);
    putInt(ARGSZ, capacity());
  }

  public int argsz() {
    return getInt(ARGSZ);
  }

  public VfioDeviceInfo argsz(int value) {
    putInt(ARGSZ, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioDeviceInfo flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int numRegions() {
    return getInt(NUM_REGIONS);
  }

  public VfioDeviceInfo numRegions(int value) {
    putInt(NUM_REGIONS, value);
    return this;
  }

  public int numIrqs() {
    return getInt(NUM_IRQS);
  }

  public VfioDeviceInfo numIrqs(int value) {
    putInt(NUM_IRQS, value);
    return this;
  }

  public int capOffset() {
    return getInt(CAP_OFFSET);
  }

  public VfioDeviceInfo capOffset(int value) {
    putInt(CAP_OFFSET, value);
    return this;
  }
}
