// SPDX-License-Identifier: Apache-2.0
package org.vfio4j;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Which release of Linux, built how, has a call, a flag or a feature: the one place that knows.
 *
 * <p>It is for people, and never decides anything: distributions put newer code into older
 * releases, and leave options out. What an open object can do is asked of the kernel itself.
 *
 * @param release the first one: {@code 6.13}; {@code 7.1?} where that is not certain
 * @param config what it must be built with: {@code CONFIG_IOMMUFD}; empty when that is not known
 */
public record KernelNeeds(String release, String config) {
  /** A release and an option, then the kernel's names. */
  private static final String TABLE =
      """
      6.2 IOMMUFD IOMMU_DESTROY IOMMU_IOAS_ALLOC IOMMU_IOAS_ALLOW_IOVAS IOMMU_IOAS_COPY
      6.2 IOMMUFD IOMMU_IOAS_IOVA_RANGES IOMMU_IOAS_MAP IOMMU_IOAS_UNMAP IOMMU_OPTION IOMMU_VFIO_IOAS
      6.6 IOMMUFD IOMMU_HWPT_ALLOC IOMMU_GET_HW_INFO
      6.7 IOMMUFD IOMMU_HWPT_SET_DIRTY_TRACKING IOMMU_HWPT_GET_DIRTY_BITMAP
      6.7 IOMMUFD IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR
      6.7 IOMMUFD IOMMU_HWPT_ALLOC_NEST_PARENT IOMMU_HWPT_ALLOC_DIRTY_TRACKING IOMMU_HWPT_DATA_VTD_S1
      6.8 IOMMUFD IOMMU_HWPT_INVALIDATE
      6.11 IOMMUFD IOMMU_FAULT_QUEUE_ALLOC IOMMU_HWPT_FAULT_ID_VALID
      6.13 IOMMUFD IOMMU_IOAS_MAP_FILE IOMMU_VIOMMU_ALLOC IOMMU_VDEVICE_ALLOC IOMMU_IOAS_CHANGE_PROCESS
      6.14 IOMMUFD IOMMU_HWPT_ALLOC_PASID
      6.15 IOMMUFD IOMMU_VEVENTQ_ALLOC
      6.17 IOMMUFD IOMMU_HW_QUEUE_ALLOC IOMMU_HW_INFO_FLAG_INPUT_TYPE
      6.7 IOMMUFD iommu_hwpt_alloc.data_uptr iommu_hw_info.out_capabilities
      6.11 IOMMUFD iommu_hwpt_alloc.fault_id
      6.17 IOMMUFD iommu_viommu_alloc.data_uptr
      7.3? IOMMUFD_NOIOMMU IOMMU_IOAS_NOIOMMU_GET_PA

      3.6 VFIO_CONTAINER VFIO_GET_API_VERSION VFIO_CHECK_EXTENSION VFIO_SET_IOMMU
      3.6 VFIO_IOMMU_TYPE1 VFIO_IOMMU_GET_INFO VFIO_IOMMU_MAP_DMA VFIO_IOMMU_UNMAP_DMA
      3.6 VFIO_IOMMU_TYPE1 VFIO_TYPE1_IOMMU
      3.15 VFIO_IOMMU_TYPE1 VFIO_TYPE1v2_IOMMU VFIO_DMA_CC_IOMMU
      3.19 VFIO_IOMMU_TYPE1 VFIO_TYPE1_NESTING_IOMMU
      5.8 VFIO_IOMMU_TYPE1 VFIO_IOMMU_DIRTY_PAGES VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP
      5.12 VFIO_IOMMU_TYPE1 VFIO_UNMAP_ALL VFIO_UPDATE_VADDR
      4.5 VFIO_NOIOMMU VFIO_NOIOMMU_IOMMU
      3.10 VFIO_IOMMU_SPAPR_TCE VFIO_IOMMU_ENABLE VFIO_IOMMU_DISABLE VFIO_IOMMU_SPAPR_TCE_GET_INFO
      3.10 VFIO_IOMMU_SPAPR_TCE VFIO_SPAPR_TCE_IOMMU
      3.17 VFIO_IOMMU_SPAPR_TCE VFIO_EEH_PE_OP VFIO_EEH
      4.2 VFIO_IOMMU_SPAPR_TCE VFIO_IOMMU_SPAPR_REGISTER_MEMORY VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY
      4.2 VFIO_IOMMU_SPAPR_TCE VFIO_IOMMU_SPAPR_TCE_CREATE VFIO_IOMMU_SPAPR_TCE_REMOVE
      4.2 VFIO_IOMMU_SPAPR_TCE VFIO_SPAPR_TCE_v2_IOMMU

      3.6 VFIO_GROUP VFIO_GROUP_GET_STATUS VFIO_GROUP_SET_CONTAINER VFIO_GROUP_UNSET_CONTAINER
      3.6 VFIO_GROUP VFIO_GROUP_GET_DEVICE_FD

      3.6 VFIO VFIO_DEVICE_GET_INFO VFIO_DEVICE_GET_REGION_INFO VFIO_DEVICE_GET_IRQ_INFO
      3.6 VFIO VFIO_DEVICE_SET_IRQS VFIO_DEVICE_RESET
      3.12 VFIO_PCI VFIO_DEVICE_GET_PCI_HOT_RESET_INFO VFIO_DEVICE_PCI_HOT_RESET
      4.16 VFIO_MDEV VFIO_DEVICE_QUERY_GFX_PLANE VFIO_DEVICE_GET_GFX_DMABUF
      4.17 VFIO_PCI VFIO_DEVICE_IOEVENTFD
      5.7 VFIO VFIO_DEVICE_FEATURE
      5.7 VFIO_PCI VFIO_DEVICE_FEATURE_PCI_VF_TOKEN
      5.18 VFIO VFIO_DEVICE_FEATURE_MIGRATION VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE
      6.1 VFIO_PCI VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY_WITH_WAKEUP
      6.1 VFIO_PCI VFIO_DEVICE_FEATURE_LOW_POWER_EXIT
      6.1 VFIO VFIO_DEVICE_FEATURE_DMA_LOGGING_START VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP
      6.1 VFIO VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT
      6.2 VFIO VFIO_MIG_GET_PRECOPY_INFO VFIO_DEVICE_FEATURE_MIG_DATA_SIZE
      6.7 VFIO_CDX VFIO_DEVICE_FEATURE_BUS_MASTER
      6.19 VFIO_PCI_DMABUF VFIO_DEVICE_FEATURE_DMA_BUF
      7.1? VFIO VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2
      6.6 VFIO_DEVICE_CDEV VFIO_DEVICE_BIND_IOMMUFD VFIO_DEVICE_ATTACH_IOMMUFD_PT
      6.6 VFIO_DEVICE_CDEV VFIO_DEVICE_DETACH_IOMMUFD_PT
      6.15 VFIO_DEVICE_CDEV VFIO_DEVICE_ATTACH_PASID VFIO_DEVICE_DETACH_PASID
      6.17 VFIO_DEVICE_CDEV VFIO_DEVICE_BIND_FLAG_TOKEN
      """;

  /** Read at the first failure, and not before. */
  private static final class Known {
    private static final Map<String, KernelNeeds> ALL = read();

    private static Map<String, KernelNeeds> read() {
      Map<String, KernelNeeds> all = new HashMap<>();
      for (String line : TABLE.lines().toList()) {
        String[] words = line.split(" ");
        for (int i = 2; i < words.length; i++) {
          all.put(words[i], new KernelNeeds(words[0], "CONFIG_" + words[1]));
        }
      }
      return Map.copyOf(all);
    }
  }

  /**
   * What a call, a flag or a feature needs.
   *
   * @param name as in the kernel's headers: {@code IOMMU_IOAS_MAP_FILE}, or a field that a struct
   *     got later: {@code iommu_hwpt_alloc.fault_id}
   */
  public static Optional<KernelNeeds> of(String name) {
    return Optional.ofNullable(Known.ALL.get(name));
  }

  /** To be read after "it needs": {@code Linux 6.13 or later with CONFIG_IOMMUFD}. */
  @Override
  public String toString() {
    return "Linux " + release.replace("?", " (about)") + " or later with " + config;
  }
}
