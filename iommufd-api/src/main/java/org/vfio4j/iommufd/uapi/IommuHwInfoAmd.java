// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct iommu_hw_info_amd}: what GET_HW_INFO tells of an AMD IOMMU. Linux 7.0. */
public final class IommuHwInfoAmd extends Struct {
  public static final int SIZEOF = 16;
  public static final int EFR = 0;
  public static final int EFR2 = 8;

  public IommuHwInfoAmd() {
    super(SIZEOF);
  }

  public long efr() {
    return getLong(EFR);
  }

  public IommuHwInfoAmd efr(long value) {
    putLong(EFR, value);
    return this;
  }

  public long efr2() {
    return getLong(EFR2);
  }

  public IommuHwInfoAmd efr2(long value) {
    putLong(EFR2, value);
    return this;
  }
}
