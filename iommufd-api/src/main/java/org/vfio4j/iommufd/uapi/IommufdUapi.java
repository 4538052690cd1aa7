// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

/**
 * The numbers of {@code linux/iommufd.h}, by their names there.
 *
 * <p>Of the ioctls those on architectures where {@code _IOC_NONE} is 0: x86, arm, riscv, s390,
 * loongarch.
 */
public final class IommufdUapi {
  public static final int IOMMU_DESTROY = 0x3B80;
  public static final int IOMMU_IOAS_ALLOC = 0x3B81;
  public static final int IOMMU_IOAS_ALLOW_IOVAS = 0x3B82;
  public static final int IOMMU_IOAS_COPY = 0x3B83;
  public static final int IOMMU_IOAS_IOVA_RANGES = 0x3B84;
  public static final int IOMMU_IOAS_MAP = 0x3B85;
  public static final int IOMMU_IOAS_UNMAP = 0x3B86;
  public static final int IOMMU_OPTION = 0x3B87;

  public static final int IOMMU_IOAS_MAP_FIXED_IOVA = 1;
  public static final int IOMMU_IOAS_MAP_WRITEABLE = 2;
  public static final int IOMMU_IOAS_MAP_READABLE = 4;

  public static final int IOMMU_OPTION_RLIMIT_MODE = 0;
  public static final int IOMMU_OPTION_HUGE_PAGES = 1;
  public static final int IOMMU_OPTION_OP_SET = 0;
  public static final int IOMMU_OPTION_OP_GET = 1;

  private IommufdUapi() {}
}
