// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group.uapi;

/**
 * The numbers of {@code linux/vfio.h} that concern containers, groups and type1, by their names
 * there.
 *
 * <p>Of the ioctls those on architectures where {@code _IOC_NONE} is 0: x86, arm, riscv, s390,
 * loongarch.
 */
public final class VfioGroupUapi {
  public static final int VFIO_API_VERSION = 0;

  public static final int VFIO_TYPE1_IOMMU = 1;
  public static final int VFIO_TYPE1v2_IOMMU = 3;
  public static final int VFIO_DMA_CC_IOMMU = 4;
  public static final int VFIO_TYPE1_NESTING_IOMMU = 6;
  public static final int VFIO_NOIOMMU_IOMMU = 8;
  public static final int VFIO_UNMAP_ALL = 9;
  public static final int VFIO_UPDATE_VADDR = 10;

  public static final int VFIO_GET_API_VERSION = 0x3B64;
  public static final int VFIO_CHECK_EXTENSION = 0x3B65;
  public static final int VFIO_SET_IOMMU = 0x3B66;

  public static final int VFIO_GROUP_GET_STATUS = 0x3B67;
  public static final int VFIO_GROUP_SET_CONTAINER = 0x3B68;
  public static final int VFIO_GROUP_UNSET_CONTAINER = 0x3B69;
  public static final int VFIO_GROUP_GET_DEVICE_FD = 0x3B6A;

  public static final int VFIO_GROUP_FLAGS_VIABLE = 1;
  public static final int VFIO_GROUP_FLAGS_CONTAINER_SET = 2;

  public static final int VFIO_IOMMU_GET_INFO = 0x3B70;
  public static final int VFIO_IOMMU_MAP_DMA = 0x3B71;
  public static final int VFIO_IOMMU_UNMAP_DMA = 0x3B72;
  public static final int VFIO_IOMMU_DIRTY_PAGES = 0x3B75;

  public static final int VFIO_IOMMU_INFO_PGSIZES = 1;
  public static final int VFIO_IOMMU_INFO_CAPS = 2;
  public static final int VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE = 1;
  public static final int VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION = 2;
  public static final int VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL = 3;

  public static final int VFIO_DMA_MAP_FLAG_READ = 1;
  public static final int VFIO_DMA_MAP_FLAG_WRITE = 2;
  public static final int VFIO_DMA_MAP_FLAG_VADDR = 4;
  public static final int VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP = 1;
  public static final int VFIO_DMA_UNMAP_FLAG_ALL = 2;
  public static final int VFIO_DMA_UNMAP_FLAG_VADDR = 4;

  public static final int VFIO_IOMMU_DIRTY_PAGES_FLAG_START = 1;
  public static final int VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP = 2;
  public static final int VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP = 4;

  private VfioGroupUapi() {}
}
