// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

/** The calls of the group world, as the bridge tells them apart, with what replaces each. */
public enum LegacyCall {
  OPEN_CONTAINER("open /dev/vfio/vfio", "Iommufd iommufd = Iommufd.open(kernel);"),
  GET_API_VERSION("VFIO_GET_API_VERSION", "nothing: what is missing answers ENOTTY"),
  CHECK_EXTENSION(
      "VFIO_CHECK_EXTENSION", "nothing: ask for what is needed, and handle the refusal"),
  SET_IOMMU("VFIO_SET_IOMMU", "Ioas ioas = iommufd.allocateIoas();"),
  IOMMU_GET_INFO("VFIO_IOMMU_GET_INFO", "ioas.allowedIovas(); ioas.iovaAlignment();"),
  IOMMU_MAP_DMA(
      "VFIO_IOMMU_MAP_DMA",
      "ioas.map(userVa, length, iova, DmaAccess.READ_WRITE); or ioas.allocate(length)"),
  IOMMU_MAP_DMA_VADDR("VFIO_IOMMU_MAP_DMA with VADDR", "nothing: unmap, and map again"),
  IOMMU_UNMAP_DMA("VFIO_IOMMU_UNMAP_DMA", "ioas.unmap(iova, length);"),
  IOMMU_UNMAP_DMA_ALL("VFIO_IOMMU_UNMAP_DMA with ALL", "ioas.unmapAll();"),
  IOMMU_UNMAP_DMA_BITMAP(
      "VFIO_IOMMU_UNMAP_DMA with GET_DIRTY_BITMAP",
      "read the dirty bitmap of the page table, then ioas.unmap(iova, length);"),
  IOMMU_UNMAP_DMA_VADDR("VFIO_IOMMU_UNMAP_DMA with VADDR", "nothing: unmap, and map again"),
  DIRTY_PAGES_START(
      "VFIO_IOMMU_DIRTY_PAGES START", "dirty tracking of a page table that was made for it"),
  DIRTY_PAGES_STOP(
      "VFIO_IOMMU_DIRTY_PAGES STOP", "dirty tracking of a page table that was made for it"),
  DIRTY_PAGES_GET_BITMAP("VFIO_IOMMU_DIRTY_PAGES GET_BITMAP", "the dirty bitmap of the page table"),
  OPEN_GROUP("open /dev/vfio/N", "UnboundDevice device = VfioCdev.find(kernel, address).open();"),
  GROUP_GET_STATUS("VFIO_GROUP_GET_STATUS", "Isolation.of(device).blockers();"),
  GROUP_SET_CONTAINER(
      "VFIO_GROUP_SET_CONTAINER", "BoundDevice bound = device.bind(iommufd, cookie);"),
  GROUP_UNSET_CONTAINER("VFIO_GROUP_UNSET_CONTAINER", "bound.close();"),
  GROUP_GET_DEVICE_FD("VFIO_GROUP_GET_DEVICE_FD", "bound.attach(ioas);"),
  DEVICE_CALL("calls on the device", "the same: a device is a VfioDevice, however it was opened"),
  DEVICE_GET_PCI_HOT_RESET_INFO(
      "VFIO_DEVICE_GET_PCI_HOT_RESET_INFO", "the same; members by device id instead of group"),
  DEVICE_PCI_HOT_RESET(
      "VFIO_DEVICE_PCI_HOT_RESET", "the same with no files: what the iommufd owns is enough"),
  CLOSE_DEVICE("close of a device", "bound.close();"),
  CLOSE_GROUP("close of a group", "bound.close();"),
  CLOSE_CONTAINER("close of a container", "ioas.close(); iommufd.close();"),
  OTHER("another call of the group world", "nothing: it has no device-centric equal");

  private final String text;
  private final String instead;

  LegacyCall(String text, String instead) {
    this.text = text;
    this.instead = instead;
  }

  /** The call by its kernel name. */
  public String text() {
    return text;
  }

  /** The code to write instead. */
  public String instead() {
    return instead;
  }
}
