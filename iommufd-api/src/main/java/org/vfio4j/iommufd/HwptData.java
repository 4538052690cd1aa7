// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

import org.vfio4j.iommufd.uapi.IommuHwptAmdGuest;
import org.vfio4j.iommufd.uapi.IommuHwptArmSmmuv3;
import org.vfio4j.iommufd.uapi.IommuHwptVtdS1;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.memory.NativeBlock;

/**
 * What an IOMMU of some make must be told about the page table of a guest. Which make it is says
 * {@link HwInfo}.
 *
 * @param type {@code IOMMU_HWPT_DATA_*}
 * @param data the struct that belongs to the type
 */
public record HwptData(int type, NativeBlock data) {
  /**
   * Intel VT-d. Linux 6.7.
   *
   * @param flags {@code IOMMU_VTD_S1_SRE}, {@code EAFE}, {@code WPE}
   * @param pageTable the guest's physical address of the first stage's top level table, which is an
   *     IOVA of the nest parent
   * @param addressWidth how many bits of an address it translates
   */
  public static HwptData vtd(long flags, long pageTable, int addressWidth) {
    return new HwptData(
        IommufdUapi.IOMMU_HWPT_DATA_VTD_S1,
        new IommuHwptVtdS1().flags(flags).pgtblAddr(pageTable).addrWidth(addressWidth));
  }

  /** Arm SMMUv3: the first two words of a guest's stream table entry. Linux 6.13. */
  public static HwptData armSmmuV3(long ste0, long ste1) {
    return new HwptData(
        IommufdUapi.IOMMU_HWPT_DATA_ARM_SMMUV3, new IommuHwptArmSmmuv3().ste(0, ste0).ste(1, ste1));
  }

  /** AMD: a guest's device table entry. Linux 7.0. */
  public static HwptData amd(long dte0, long dte1, long dte2, long dte3) {
    return new HwptData(
        IommufdUapi.IOMMU_HWPT_DATA_AMD_GUEST,
        new IommuHwptAmdGuest().dte(0, dte0).dte(1, dte1).dte(2, dte2).dte(3, dte3));
  }
}
