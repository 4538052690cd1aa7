// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.cdev.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_device_bind_iommufd}: the argument of VFIO_DEVICE_BIND_IOMMUFD. Linux 6.6; the
 * token 6.17.
 *
 * <p>Its size is told without the token, unless that is set: all kernels take that.
 */
public final class VfioDeviceBindIommufd extends Struct {
  public static final int SIZEOF = 24;
  public static final int ARGSZ = 0;
  public static final int FLAGS = 4;
  public static final int IOMMUFD = 8;
  public static final int OUT_DEVID = 12;
  public static final int TOKEN_UUID_PTR = 16;

  /** What every kernel knows of it, in bytes. */
  private static final int WITHOUT_TOKEN = TOKEN_UUID_PTR;

  public VfioDeviceBindIommufd() {
    super(SIZEOF);
    putInt(ARGSZ, WITHOUT_TOKEN);
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

  public long tokenUuidPtr() {
    return getLong(TOKEN_UUID_PTR);
  }

  /** Beside the flag for it, and with the size for it. */
  public VfioDeviceBindIommufd tokenUuidPtr(long value) {
    putLong(TOKEN_UUID_PTR, value);
    return this;
  }
}
