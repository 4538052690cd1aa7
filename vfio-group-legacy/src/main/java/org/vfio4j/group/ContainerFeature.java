// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioSpaprUapi;
import org.vfio4j.linux.KernelFeature;

/** What a container can be asked for: VFIO_CHECK_EXTENSION, and one call that has no extension. */
public enum ContainerFeature implements KernelFeature {
  TYPE1("VFIO_TYPE1_IOMMU", VfioGroupUapi.VFIO_TYPE1_IOMMU),
  TYPE1_V2("VFIO_TYPE1v2_IOMMU", VfioGroupUapi.VFIO_TYPE1v2_IOMMU),
  /** Type1v2 with another name; gone since about Linux 6.13. */
  TYPE1_NESTING("VFIO_TYPE1_NESTING_IOMMU", VfioGroupUapi.VFIO_TYPE1_NESTING_IOMMU),
  /** Whether devices see what the processor's caches hold; not before the IOMMU is set. */
  DMA_CC("VFIO_DMA_CC_IOMMU", VfioGroupUapi.VFIO_DMA_CC_IOMMU),
  NOIOMMU("VFIO_NOIOMMU_IOMMU", VfioGroupUapi.VFIO_NOIOMMU_IOMMU),
  UNMAP_ALL("VFIO_UNMAP_ALL", VfioGroupUapi.VFIO_UNMAP_ALL),
  /** Not before the IOMMU is set, and not with mediated devices. */
  UPDATE_VADDR("VFIO_UPDATE_VADDR", VfioGroupUapi.VFIO_UPDATE_VADDR),
  SPAPR("VFIO_SPAPR_TCE_IOMMU", VfioSpaprUapi.VFIO_SPAPR_TCE_IOMMU),
  SPAPR_V2("VFIO_SPAPR_TCE_v2_IOMMU", VfioSpaprUapi.VFIO_SPAPR_TCE_v2_IOMMU),
  EEH("VFIO_EEH", VfioSpaprUapi.VFIO_EEH),
  /** Dirty page logging, of type1v2: not before the IOMMU is set. */
  DIRTY_PAGES("VFIO_IOMMU_DIRTY_PAGES", 0);

  private final String kernelName;
  private final int extension;

  ContainerFeature(String kernelName, int extension) {
    this.kernelName = kernelName;
    this.extension = extension;
  }

  @Override
  public String kernelName() {
    return kernelName;
  }

  /** The argument of VFIO_CHECK_EXTENSION; 0 where there is none. */
  int extension() {
    return extension;
  }
}
