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

  public static final int VFIO_DEVICE_FLAGS_RESET = 1;
  public static final int VFIO_DEVICE_FLAGS_PCI = 1 << 1;
  public static final int VFIO_DEVICE_FLAGS_PLATFORM = 1 << 2;
  public static final int VFIO_DEVICE_FLAGS_AMBA = 1 << 3;
  public static final int VFIO_DEVICE_FLAGS_CCW = 1 << 4;
  public static final int VFIO_DEVICE_FLAGS_AP = 1 << 5;
  public static final int VFIO_DEVICE_FLAGS_FSL_MC = 1 << 6;
  public static final int VFIO_DEVICE_FLAGS_CAPS = 1 << 7;
  public static final int VFIO_DEVICE_FLAGS_CDX = 1 << 8;

  public static final int VFIO_REGION_INFO_FLAG_READ = 1;
  public static final int VFIO_REGION_INFO_FLAG_WRITE = 1 << 1;
  public static final int VFIO_REGION_INFO_FLAG_MMAP = 1 << 2;
  public static final int VFIO_REGION_INFO_FLAG_CAPS = 1 << 3;

  public static final int VFIO_REGION_INFO_CAP_SPARSE_MMAP = 1;
  public static final int VFIO_REGION_INFO_CAP_TYPE = 2;
  public static final int VFIO_REGION_INFO_CAP_MSIX_MAPPABLE = 3;

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

  public static final int VFIO_PCI_INTX_IRQ_INDEX = 0;
  public static final int VFIO_PCI_MSI_IRQ_INDEX = 1;
  public static final int VFIO_PCI_MSIX_IRQ_INDEX = 2;
  public static final int VFIO_PCI_ERR_IRQ_INDEX = 3;
  public static final int VFIO_PCI_REQ_IRQ_INDEX = 4;

  private VfioDeviceUapi() {}
}
