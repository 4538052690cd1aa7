// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import org.vfio4j.device.uapi.VfioDeviceUapi;

/**
 * The regions and irq indexes that a PCI function has under VFIO, whichever driver serves it
 * ({@link DeviceInfo.Flag#PCI}). Regions above {@link #VGA} are specific to the device.
 */
public final class VfioPci {
  public static final int BAR0 = VfioDeviceUapi.VFIO_PCI_BAR0_REGION_INDEX;
  public static final int BAR1 = VfioDeviceUapi.VFIO_PCI_BAR1_REGION_INDEX;
  public static final int BAR2 = VfioDeviceUapi.VFIO_PCI_BAR2_REGION_INDEX;
  public static final int BAR3 = VfioDeviceUapi.VFIO_PCI_BAR3_REGION_INDEX;
  public static final int BAR4 = VfioDeviceUapi.VFIO_PCI_BAR4_REGION_INDEX;
  public static final int BAR5 = VfioDeviceUapi.VFIO_PCI_BAR5_REGION_INDEX;

  /** The expansion ROM: can be read only, and not mapped. */
  public static final int ROM = VfioDeviceUapi.VFIO_PCI_ROM_REGION_INDEX;

  /** The configuration space: see {@link VfioDevice#config()}. */
  public static final int CONFIG = VfioDeviceUapi.VFIO_PCI_CONFIG_REGION_INDEX;

  /** The VGA ranges, at their addresses from 0xa0000 and 0x3b0 on; only of a VGA device. */
  public static final int VGA = VfioDeviceUapi.VFIO_PCI_VGA_REGION_INDEX;

  /** The interrupt line: one vector, masked by the kernel at each interrupt. */
  public static final int INTX = VfioDeviceUapi.VFIO_PCI_INTX_IRQ_INDEX;

  /** Needs bus mastering: see {@link PciConfigSpace#enableBusMaster}. */
  public static final int MSI = VfioDeviceUapi.VFIO_PCI_MSI_IRQ_INDEX;

  /** Needs bus mastering: see {@link PciConfigSpace#enableBusMaster}. */
  public static final int MSIX = VfioDeviceUapi.VFIO_PCI_MSIX_IRQ_INDEX;

  /** The PCIe link reported an error that could not be corrected. */
  public static final int ERR = VfioDeviceUapi.VFIO_PCI_ERR_IRQ_INDEX;

  /** The host asks to have the device back: it waits until the device is closed. */
  public static final int REQ = VfioDeviceUapi.VFIO_PCI_REQ_IRQ_INDEX;

  private static final String[] REGIONS = {
    "BAR0", "BAR1", "BAR2", "BAR3", "BAR4", "BAR5", "ROM", "CONFIG", "VGA"
  };
  private static final String[] IRQS = {"INTX", "MSI", "MSIX", "ERR", "REQ"};

  private VfioPci() {}

  /** The name of a region as above: {@code BAR0}; {@code region 9} for one without a name. */
  public static String regionName(int index) {
    return index >= 0 && index < REGIONS.length ? REGIONS[index] : "region " + index;
  }

  /** The name of an irq index as above: {@code MSI}; {@code irq index 5} for one without a name. */
  public static String irqName(int index) {
    return index >= 0 && index < IRQS.length ? IRQS[index] : "irq index " + index;
  }
}
