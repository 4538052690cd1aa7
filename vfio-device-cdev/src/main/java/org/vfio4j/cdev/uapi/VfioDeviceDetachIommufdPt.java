// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.cdev.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_device_detach_iommufd_pt}: the argument of VFIO_DEVICE_DETACH_IOMMUFD_PT.
 * Linux 6.6; PASID 6.15.
 */
public final class VfioDeviceDetachIommufdPt extends Struct {
  public static final int SIZEOF = 12;
  public static final int ARGSZ = 0;
  public static final int FLAGS = 4;
  public static final int PASID = 8;

  public VfioDeviceDetachIommufdPt() {
    super(SIZEOF);
    putInt(ARGSZ, SIZEOF);
  }

  public int argsz() {
    return getInt(ARGSZ);
  }

  public VfioDeviceDetachIommufdPt argsz(int value) {
    putInt(ARGSZ, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioDeviceDetachIommufdPt flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int pasid() {
    return getInt(PASID);
  }

  public VfioDeviceDetachIommufdPt pasid(int value) {
    putInt(PASID, value);
    return this;
  }
}
