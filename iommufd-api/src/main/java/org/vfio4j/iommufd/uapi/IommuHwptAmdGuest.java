// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import java.util.Objects;
import org.vfio4j.memory.Struct;

/**
 * {@code struct iommu_hwpt_amd_guest}: the guest page table of an AMD IOMMU, for IOMMU_HWPT_ALLOC.
 * Linux 7.0.
 */
public final class IommuHwptAmdGuest extends Struct {
  public static final int SIZEOF = 32;
  public static final int DTE = 0;

  public IommuHwptAmdGuest() {
    super(SIZEOF);
  }

  /** {@code index}: 0 to 3. */
  public long dte(int index) {
    return getLong(DTE + Objects.checkIndex(index, 4) * Long.BYTES);
  }

  public IommuHwptAmdGuest dte(int index, long value) {
    putLong(DTE + Objects.checkIndex(index, 4) * Long.BYTES, value);
    return this;
  }
}
