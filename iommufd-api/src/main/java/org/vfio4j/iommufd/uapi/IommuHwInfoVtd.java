// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct iommu_hw_info_vtd}: what GET_HW_INFO tells of an Intel VT-d. Linux 6.6. */
public final class IommuHwInfoVtd extends Struct {
  public static final int SIZEOF = 24;
  public static final int FLAGS = 0;
  public static final int RESERVED = 4;
  public static final int CAP_REG = 8;
  public static final int ECAP_REG = 16;

  public IommuHwInfoVtd() {
    super(SIZEOF);
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public IommuHwInfoVtd flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public long capReg() {
    return getLong(CAP_REG);
  }

  public IommuHwInfoVtd capReg(long value) {
    putLong(CAP_REG, value);
    return this;
  }

  public long ecapReg() {
    return getLong(ECAP_REG);
  }

  public IommuHwInfoVtd ecapReg(long value) {
    putLong(ECAP_REG, value);
    return this;
  }
}
