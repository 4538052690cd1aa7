// SPDX-License-Identifier: Apache-2.0
/** I/O address spaces and page tables of {@code /dev/iommu}. */
module org.vfio4j.iommufd {
  requires transitive org.vfio4j.linux;

// javac exports no package that has no class yet: org.vfio4j.iommufd, org.vfio4j.iommufd.uapi.
}
