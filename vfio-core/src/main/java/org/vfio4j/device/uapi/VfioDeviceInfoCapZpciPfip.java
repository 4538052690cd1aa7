// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_device_info_cap_zpci_pfip}: the path to a function of s390, behind it. Linux
 * 5.11.
 */
public final class VfioDeviceInfoCapZpciPfip extends Struct {
  public static final int SIZEOF = 12;
  public static final int SIZE = 8;
  public static final int PFIP = 12;

  public VfioDeviceInfoCapZpciPfip() {
    super(SIZEOF);
  }

  public int size() {
    return getInt(SIZE);
  }

  public VfioDeviceInfoCapZpciPfip size(int value) {
    putInt(SIZE, value);
    return this;
  }
}
