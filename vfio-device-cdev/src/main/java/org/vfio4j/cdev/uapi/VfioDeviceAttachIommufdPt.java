// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.cdev.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_device_attach_iommufd_pt}: the argument of VFIO_DEVICE_ATTACH_IOMMUFD_PT.
 * Linux 6.6; PASID 6.15.
 */
public final class VfioDeviceAttachIommufdPt extends Struct {
  public static final int SIZEOF = 16;
  public static final int ARGSZ = 0;
  public static final int FLAGS = 4;
  public static final int PT_ID = 8;
  public static final int PASID = 12;

  public VfioDeviceAttachIommufdPt() {
    super(SIZEOF);
    putInt(ARGSZ, SIZEOF);
  }

  public int argsz() {
    return getInt(ARGSZ);
  }

  public VfioDeviceAttachIommufdPt argsz(int value) {
    putInt(ARGSZ, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioDeviceAttachIommufdPt flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int ptId() {
    return getInt(PT_ID);
  }

  public VfioDeviceAttachIommufdPt ptId(int value) {
    putInt(PT_ID, value);
    return this;
  }

  public int pasid() {
    return getInt(PASID);
  }

  public VfioDeviceAttachIommufdPt pasid(int value) {
    putInt(PASID, value);
    return this;
  }
}
