// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_device_info_cap_zpci_util}: a string that identifies a function of s390, in
 * EBCDIC, behind it. Linux 5.11.
 */
public final class VfioDeviceInfoCapZpciUtil extends Struct {
  public static final int SIZEOF = 12;
  public static final int SIZE = 8;
  public static final int UTIL_STR = 12;

  public VfioDeviceInfoCapZpciUtil() {
    super(SIZEOF);
  }

  public int size() {
    return getInt(SIZE);
  }

  public VfioDeviceInfoCapZpciUtil size(int value) {
    putInt(SIZE, value);
    return this;
  }
}
