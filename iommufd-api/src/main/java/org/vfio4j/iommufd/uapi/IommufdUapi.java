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
  public static final int IOMMU_VFIO_IOAS = 0x3B88;
  public static final int IOMMU_HWPT_ALLOC = 0x3B89;
  public static final int IOMMU_GET_HW_INFO = 0x3B8A;
  public static final int IOMMU_HWPT_SET_DIRTY_TRACKING = 0x3B8B;
  public static final int IOMMU_HWPT_GET_DIRTY_BITMAP = 0x3B8C;
  public static final int IOMMU_HWPT_INVALIDATE = 0x3B8D;
  public static final int IOMMU_FAULT_QUEUE_ALLOC = 0x3B8E;
  public static final int IOMMU_IOAS_MAP_FILE = 0x3B8F;
  public static final int IOMMU_VIOMMU_ALLOC = 0x3B90;
  public static final int IOMMU_VDEVICE_ALLOC = 0x3B91;
  public static final int IOMMU_IOAS_CHANGE_PROCESS = 0x3B92;
  public static final int IOMMU_VEVENTQ_ALLOC = 0x3B93;
  public static final int IOMMU_HW_QUEUE_ALLOC = 0x3B94;
  public static final int IOMMU_IOAS_NOIOMMU_GET_PA = 0x3B95;

  public static final int IOMMU_IOAS_MAP_FIXED_IOVA = 1;
  public static final int IOMMU_IOAS_MAP_WRITEABLE = 2;
  public static final int IOMMU_IOAS_MAP_READABLE = 4;

  public static final int IOMMU_OPTION_RLIMIT_MODE = 0;
  public static final int IOMMU_OPTION_HUGE_PAGES = 1;
  public static final int IOMMU_OPTION_OP_SET = 0;
  public static final int IOMMU_OPTION_OP_GET = 1;

  public static final int IOMMU_VFIO_IOAS_GET = 0;
  public static final int IOMMU_VFIO_IOAS_SET = 1;
  public static final int IOMMU_VFIO_IOAS_CLEAR = 2;

  public static final int IOMMU_HWPT_ALLOC_NEST_PARENT = 1;
  public static final int IOMMU_HWPT_ALLOC_DIRTY_TRACKING = 2;
  public static final int IOMMU_HWPT_FAULT_ID_VALID = 4;
  public static final int IOMMU_HWPT_ALLOC_PASID = 8;

  public static final int IOMMU_HWPT_DATA_NONE = 0;
  public static final int IOMMU_HWPT_DATA_VTD_S1 = 1;
  public static final int IOMMU_HWPT_DATA_ARM_SMMUV3 = 2;
  public static final int IOMMU_HWPT_DATA_AMD_GUEST = 3;

  public static final int IOMMU_VTD_S1_SRE = 1;
  public static final int IOMMU_VTD_S1_EAFE = 2;
  public static final int IOMMU_VTD_S1_WPE = 4;

  public static final int IOMMU_HW_INFO_FLAG_INPUT_TYPE = 1;
  public static final int IOMMU_HW_INFO_TYPE_NONE = 0;
  public static final int IOMMU_HW_INFO_TYPE_DEFAULT = 0;
  public static final int IOMMU_HW_INFO_TYPE_INTEL_VTD = 1;
  public static final int IOMMU_HW_INFO_TYPE_ARM_SMMUV3 = 2;
  public static final int IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV = 3;
  public static final int IOMMU_HW_INFO_TYPE_AMD = 4;
  public static final int IOMMU_HW_INFO_VTD_ERRATA_772415_SPR17 = 1;
  public static final int IOMMU_HW_INFO_ARM_SMMUV3_ERRATA_REPEAT_TLBI_CFGI = 1;

  public static final int IOMMU_HW_CAP_DIRTY_TRACKING = 1;
  public static final int IOMMU_HW_CAP_PCI_PASID_EXEC = 2;
  public static final int IOMMU_HW_CAP_PCI_PASID_PRIV = 4;
  public static final int IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED = 8;

  public static final int IOMMU_HWPT_DIRTY_TRACKING_ENABLE = 1;
  public static final int IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR = 1;

  public static final int IOMMU_HWPT_INVALIDATE_DATA_VTD_S1 = 0;
  public static final int IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3 = 1;
  public static final int IOMMU_VTD_INV_FLAGS_LEAF = 1;

  public static final int IOMMU_PGFAULT_FLAGS_PASID_VALID = 1;
  public static final int IOMMU_PGFAULT_FLAGS_LAST_PAGE = 2;
  public static final int IOMMU_PGFAULT_PERM_READ = 1;
  public static final int IOMMU_PGFAULT_PERM_WRITE = 2;
  public static final int IOMMU_PGFAULT_PERM_EXEC = 4;
  public static final int IOMMU_PGFAULT_PERM_PRIV = 8;
  public static final int IOMMUFD_PAGE_RESP_SUCCESS = 0;
  public static final int IOMMUFD_PAGE_RESP_INVALID = 1;

  public static final int IOMMU_VIOMMU_TYPE_DEFAULT = 0;
  public static final int IOMMU_VIOMMU_TYPE_ARM_SMMUV3 = 1;
  public static final int IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV = 2;

  public static final int IOMMU_VEVENTQ_TYPE_DEFAULT = 0;
  public static final int IOMMU_VEVENTQ_TYPE_ARM_SMMUV3 = 1;
  public static final int IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV = 2;
  public static final int IOMMU_VEVENTQ_FLAG_LOST_EVENTS = 1;

  public static final int IOMMU_HW_QUEUE_TYPE_DEFAULT = 0;
  public static final int IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV = 1;

  private IommufdUapi() {}
}
