// SPDX-License-Identifier: Apache-2.0
/** I/O address spaces and page tables of {@code /dev/iommu}. */
module org.vfio4j.iommufd {
  requires transitive org.vfio4j.linux;

  exports org.vfio4j.iommufd;
  exports org.vfio4j.iommufd.uapi;
}
