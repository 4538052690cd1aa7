// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct iommu_viommu_tegra241_cmdqv}: what IOMMU_VIOMMU_ALLOC gives of a Tegra241. Linux
 * 6.17.
 */
public final class IommuViommuTegra241Cmdqv extends Struct {
  public static final int SIZEOF = 16;
  public static final int OUT_VINTF_MMAP_OFFSET = 0;
  public static final int OUT_VINTF_MMAP_LENGTH = 8;

  public IommuViommuTegra241Cmdqv() {
    super(SIZEOF);
  }

  public long outVintfMmapOffset() {
    return getLong(OUT_VINTF_MMAP_OFFSET);
  }

  public IommuViommuTegra241Cmdqv outVintfMmapOffset(long value) {
    putLong(OUT_VINTF_MMAP_OFFSET, value);
    return this;
  }

  public long outVintfMmapLength() {
    return getLong(OUT_VINTF_MMAP_LENGTH);
  }

  public IommuViommuTegra241Cmdqv outVintfMmapLength(long value) {
    putLong(OUT_VINTF_MMAP_LENGTH, value);
    return this;
  }
}
