// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import java.util.Objects;
import org.vfio4j.memory.Struct;

/**
 * {@code struct iommu_viommu_arm_smmuv3_invalidate}: an entry of IOMMU_HWPT_INVALIDATE for a
 * virtual Arm SMMUv3. Linux 6.13.
 */
public final class IommuViommuArmSmmuv3Invalidate extends Struct {
  public static final int SIZEOF = 16;
  public static final int CMD = 0;

  public IommuViommuArmSmmuv3Invalidate() {
    super(SIZEOF);
  }

  /** {@code index}: 0 to 1. */
  public long cmd(int index) {
    return getLong(CMD + Objects.checkIndex(index, 2) * Long.BYTES);
  }

  public IommuViommuArmSmmuv3Invalidate cmd(int index, long value) {
    putLong(CMD + Objects.checkIndex(index, 2) * Long.BYTES, value);
    return this;
  }
}
