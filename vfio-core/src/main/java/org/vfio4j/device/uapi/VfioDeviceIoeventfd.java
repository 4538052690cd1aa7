// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct vfio_device_ioeventfd}: the argument of VFIO_DEVICE_IOEVENTFD. Linux 4.17. */
public final class VfioDeviceIoeventfd extends Struct {
  public static final int SIZEOF = 32;
  public static final int ARGSZ = 0;
  public static final int FLAGS = 4;
  public static final int OFFSET = 8;
  public static final int DATA = 16;
  public static final int FD = 24;

  public VfioDeviceIoeventfd() {
    super(SIZEOF);
    putInt(ARGSZ, SIZEOF);
  }

  public int argsz() {
    return getInt(ARGSZ);
  }

  public VfioDeviceIoeventfd argsz(int value) {
    putInt(ARGSZ, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioDeviceIoeventfd flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public long offset() {
    return getLong(OFFSET);
  }

  public VfioDeviceIoeventfd offset(long value) {
    putLong(OFFSET, value);
    return this;
  }

  public long data() {
    return getLong(DATA);
  }

  public VfioDeviceIoeventfd data(long value) {
    putLong(DATA, value);
    return this;
  }

  public int fd() {
    return getInt(FD);
  }

  public VfioDeviceIoeventfd fd(int value) {
    putInt(FD, value);
    return this;
  }
}
