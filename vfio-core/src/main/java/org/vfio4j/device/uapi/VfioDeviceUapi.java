// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

/**
 * The numbers of {@code linux/vfio.h} that concern an open device file, by their names there.
 *
 * <p>Of the ioctls those on architectures where {@code _IOC_NONE} is 0: x86, arm, riscv, s390,
 * loongarch.
 */
public final class VfioDeviceUapi {
  public static final int VFIO_DEVICE_GET_INFO = 0x3B6B;
  public static final int VFIO_DEVICE_GET_REGION_INFO = 0x3B6C;
  public static final int VFIO_DEVICE_GET_IRQ_INFO = 0x3B6D;
  public static final int VFIO_DEVICE_SET_IRQS = 0x3B6E;
  public static final int VFIO_DEVICE_RESET = 0x3B6F;
  public static final int VFIO_DEVICE_GET_PCI_HOT_RESET_INFO = 0x3B70;
  public static final int VFIO_DEVICE_PCI_HOT_RESET = 0x3B71;
  public static final int VFIO_DEVICE_QUERY_GFX_PLANE = 0x3B72;
  public static final int VFIO_DEVICE_GET_GFX_DMABUF = 0x3B73;
  public static final int VFIO_DEVICE_IOEVENTFD = 0x3B74;
  public static final int VFIO_DEVICE_FEATURE = 0x3B75;

  /** Of a data stream of migration. */
  public static final int VFIO_MIG_GET_PRECOPY_INFO = 0x3B79;

  public static final int VFIO_DEVICE_FLAGS_RESET = 1;
  public static final int VFIO_DEVICE_FLAGS_PCI = 1 << 1;
  public static final int VFIO_DEVICE_FLAGS_PLATFORM = 1 << 2;
  public static final int VFIO_DEVICE_FLAGS_AMBA = 1 << 3;
  public static final int VFIO_DEVICE_FLAGS_CCW = 1 << 4;
  public static final int VFIO_DEVICE_FLAGS_AP = 1 << 5;
  public static final int VFIO_DEVICE_FLAGS_FSL_MC = 1 << 6;
  public static final int VFIO_DEVICE_FLAGS_CAPS = 1 << 7;
  public static final int VFIO_DEVICE_FLAGS_CDX = 1 << 8;

  public static final int VFIO_DEVICE_INFO_CAP_ZPCI_BASE = 1;
  public static final int VFIO_DEVICE_INFO_CAP_ZPCI_GROUP = 2;
  public static final int VFIO_DEVICE_INFO_CAP_ZPCI_UTIL = 3;
  public static final int VFIO_DEVICE_INFO_CAP_ZPCI_PFIP = 4;
  public static final int VFIO_DEVICE_INFO_CAP_PCI_ATOMIC_COMP = 5;

  public static final int VFIO_PCI_ATOMIC_COMP32 = 1;
  public static final int VFIO_PCI_ATOMIC_COMP64 = 1 << 1;
  public static final int VFIO_PCI_ATOMIC_COMP128 = 1 << 2;

  public static final int VFIO_REGION_INFO_FLAG_READ = 1;
  public static final int VFIO_REGION_INFO_FLAG_WRITE = 1 << 1;
  public static final int VFIO_REGION_INFO_FLAG_MMAP = 1 << 2;
  public static final int VFIO_REGION_INFO_FLAG_CAPS = 1 << 3;

  public static final int VFIO_REGION_INFO_CAP_SPARSE_MMAP = 1;
  public static final int VFIO_REGION_INFO_CAP_TYPE = 2;
  public static final int VFIO_REGION_INFO_CAP_MSIX_MAPPABLE = 3;
  public static final int VFIO_REGION_INFO_CAP_NVLINK2_SSATGT = 4;
  public static final int VFIO_REGION_INFO_CAP_NVLINK2_LNKSPD = 5;

  public static final int VFIO_REGION_TYPE_PCI_VENDOR_TYPE = 1 << 31;
  public static final int VFIO_REGION_TYPE_PCI_VENDOR_MASK = 0xffff;
  public static final int VFIO_REGION_TYPE_GFX = 1;
  public static final int VFIO_REGION_TYPE_CCW = 2;
  public static final int VFIO_REGION_TYPE_MIGRATION_DEPRECATED = 3;
  public static final int VFIO_REGION_SUBTYPE_INTEL_IGD_OPREGION = 1;
  public static final int VFIO_REGION_SUBTYPE_INTEL_IGD_HOST_CFG = 2;
  public static final int VFIO_REGION_SUBTYPE_INTEL_IGD_LPC_CFG = 3;
  public static final int VFIO_REGION_SUBTYPE_GFX_EDID = 1;
  public static final int VFIO_REGION_SUBTYPE_CCW_ASYNC_CMD = 1;
  public static final int VFIO_REGION_SUBTYPE_CCW_SCHIB = 2;
  public static final int VFIO_REGION_SUBTYPE_CCW_CRW = 3;

  public static final int VFIO_DEVICE_GFX_LINK_STATE_UP = 1;
  public static final int VFIO_DEVICE_GFX_LINK_STATE_DOWN = 2;

  public static final int VFIO_IRQ_INFO_EVENTFD = 1;
  public static final int VFIO_IRQ_INFO_MASKABLE = 1 << 1;
  public static final int VFIO_IRQ_INFO_AUTOMASKED = 1 << 2;
  public static final int VFIO_IRQ_INFO_NORESIZE = 1 << 3;

  public static final int VFIO_IRQ_SET_DATA_NONE = 1;
  public static final int VFIO_IRQ_SET_DATA_BOOL = 1 << 1;
  public static final int VFIO_IRQ_SET_DATA_EVENTFD = 1 << 2;
  public static final int VFIO_IRQ_SET_ACTION_MASK = 1 << 3;
  public static final int VFIO_IRQ_SET_ACTION_UNMASK = 1 << 4;
  public static final int VFIO_IRQ_SET_ACTION_TRIGGER = 1 << 5;

  public static final int VFIO_PCI_BAR0_REGION_INDEX = 0;
  public static final int VFIO_PCI_BAR1_REGION_INDEX = 1;
  public static final int VFIO_PCI_BAR2_REGION_INDEX = 2;
  public static final int VFIO_PCI_BAR3_REGION_INDEX = 3;
  public static final int VFIO_PCI_BAR4_REGION_INDEX = 4;
  public static final int VFIO_PCI_BAR5_REGION_INDEX = 5;
  public static final int VFIO_PCI_ROM_REGION_INDEX = 6;
  public static final int VFIO_PCI_CONFIG_REGION_INDEX = 7;
  public static final int VFIO_PCI_VGA_REGION_INDEX = 8;
  public static final int VFIO_PCI_NUM_REGIONS = 9;

  public static final int VFIO_PCI_INTX_IRQ_INDEX = 0;
  public static final int VFIO_PCI_MSI_IRQ_INDEX = 1;
  public static final int VFIO_PCI_MSIX_IRQ_INDEX = 2;
  public static final int VFIO_PCI_ERR_IRQ_INDEX = 3;
  public static final int VFIO_PCI_REQ_IRQ_INDEX = 4;
  public static final int VFIO_PCI_NUM_IRQS = 5;

  public static final int VFIO_CCW_CONFIG_REGION_INDEX = 0;
  public static final int VFIO_CCW_IO_IRQ_INDEX = 0;
  public static final int VFIO_CCW_CRW_IRQ_INDEX = 1;
  public static final int VFIO_CCW_REQ_IRQ_INDEX = 2;
  public static final int VFIO_AP_REQ_IRQ_INDEX = 0;
  public static final int VFIO_AP_CFG_CHG_IRQ_INDEX = 1;

  public static final int VFIO_PCI_HOT_RESET_FLAG_DEV_ID = 1;
  public static final int VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED = 1 << 1;
  public static final int VFIO_PCI_DEVID_OWNED = 0;
  public static final int VFIO_PCI_DEVID_NOT_OWNED = -1;

  public static final int VFIO_GFX_PLANE_TYPE_PROBE = 1;
  public static final int VFIO_GFX_PLANE_TYPE_DMABUF = 1 << 1;
  public static final int VFIO_GFX_PLANE_TYPE_REGION = 1 << 2;

  public static final int VFIO_DEVICE_IOEVENTFD_8 = 1;
  public static final int VFIO_DEVICE_IOEVENTFD_16 = 1 << 1;
  public static final int VFIO_DEVICE_IOEVENTFD_32 = 1 << 2;
  public static final int VFIO_DEVICE_IOEVENTFD_64 = 1 << 3;

  public static final int VFIO_DEVICE_FEATURE_MASK = 0xffff;
  public static final int VFIO_DEVICE_FEATURE_GET = 1 << 16;
  public static final int VFIO_DEVICE_FEATURE_SET = 1 << 17;
  public static final int VFIO_DEVICE_FEATURE_PROBE = 1 << 18;

  public static final int VFIO_DEVICE_FEATURE_PCI_VF_TOKEN = 0;
  public static final int VFIO_DEVICE_FEATURE_MIGRATION = 1;
  public static final int VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE = 2;
  public static final int VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY = 3;
  public static final int VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP = 4;
  public static final int VFIO_DEVICE_FEATURE_LOW_POWER_EXIT = 5;
  public static final int VFIO_DEVICE_FEATURE_DMA_LOGGING_START = 6;
  public static final int VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP = 7;
  public static final int VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT = 8;
  public static final int VFIO_DEVICE_FEATURE_MIG_DATA_SIZE = 9;
  public static final int VFIO_DEVICE_FEATURE_BUS_MASTER = 10;

  /** Linux 6.19. */
  public static final int VFIO_DEVICE_FEATURE_DMA_BUF = 11;

  /** Linux 7.1. */
  public static final int VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2 = 12;

  public static final int VFIO_MIGRATION_STOP_COPY = 1;
  public static final int VFIO_MIGRATION_P2P = 1 << 1;
  public static final int VFIO_MIGRATION_PRE_COPY = 1 << 2;

  public static final int VFIO_DEVICE_STATE_ERROR = 0;
  public static final int VFIO_DEVICE_STATE_STOP = 1;
  public static final int VFIO_DEVICE_STATE_RUNNING = 2;
  public static final int VFIO_DEVICE_STATE_STOP_COPY = 3;
  public static final int VFIO_DEVICE_STATE_RESUMING = 4;
  public static final int VFIO_DEVICE_STATE_RUNNING_P2P = 5;
  public static final int VFIO_DEVICE_STATE_PRE_COPY = 6;
  public static final int VFIO_DEVICE_STATE_PRE_COPY_P2P = 7;

  /** In {@code struct vfio_precopy_info}; Linux 7.1. */
  public static final int VFIO_PRECOPY_INFO_REINIT = 1;

  public static final int VFIO_DEVICE_FEATURE_CLEAR_MASTER = 0;
  public static final int VFIO_DEVICE_FEATURE_SET_MASTER = 1;

  private VfioDeviceUapi() {}
}
