// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.cdev.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct vfio_device_bind_iommufd}: the argument of VFIO_DEVICE_BIND_IOMMUFD. Linux 6.6. */
public final class VfioDeviceBindIommufd extends Struct {
  public static final int SIZEOF = 16;
  public static final int ARGSZ = 0;
  public static final int FLAGS = 4;
  public static final int IOMMUFD = 8;
  public static final int OUT_DEVID = 12;

  public VfioDeviceBindIommufd() {
    super(SIZEOF);
    putInt(ARGSZ, SIZEOF);
  }

  public int argsz() {
    return getInt(ARGSZ);
  }

  public VfioDeviceBindIommufd argsz(int value) {
    putInt(ARGSZ, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioDeviceBindIommufd flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int iommufd() {
    return getInt(IOMMUFD);
  }

  public VfioDeviceBindIommufd iommufd(int value) {
    putInt(IOMMUFD, value);
    return this;
  }

  public int outDevid() {
    return getInt(OUT_DEVID);
  }

  public VfioDeviceBindIommufd outDevid(int value) {
    putInt(OUT_DEVID, value);
    return this;
  }
}
