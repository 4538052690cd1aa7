// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import java.util.Objects;
import org.vfio4j.memory.Struct;

/**
 * {@code struct iommu_hwpt_arm_smmuv3}: the first stage of an Arm SMMUv3, for IOMMU_HWPT_ALLOC.
 * Linux 6.13.
 */
public final class IommuHwptArmSmmuv3 extends Struct {
  public static final int SIZEOF = 16;
  public static final int STE = 0;

  public IommuHwptArmSmmuv3() {
    super(SIZEOF);
  }

  /** {@code index}: 0 to 1. */
  public long ste(int index) {
    return getLong(STE + Objects.checkIndex(index, 2) * Long.BYTES);
  }

  public IommuHwptArmSmmuv3 ste(int index, long value) {
    putLong(STE + Objects.checkIndex(index, 2) * Long.BYTES, value);
    return this;
  }
}
