// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

/**
 * The calls of the group world, as the bridge tells them apart and in the order in which a program
 * mostly makes them, with what replaces each.
 */
public enum LegacyCall {
  OPEN_CONTAINER("open /dev/vfio/vfio", "Iommufd iommufd = Iommufd.open(kernel);"),
  GET_API_VERSION("VFIO_GET_API_VERSION", "nothing: what is missing answers ENOTTY"),
  CHECK_EXTENSION(
      "VFIO_CHECK_EXTENSION", "nothing: ask for what is needed, and handle the refusal"),
  OPEN_GROUP("open /dev/vfio/N", "UnboundDevice node = VfioCdev.find(kernel, address).open();"),
  GROUP_GET_STATUS("VFIO_GROUP_GET_STATUS", "Isolation.of(device).blockers();"),
  GROUP_SET_CONTAINER(
      "VFIO_GROUP_SET_CONTAINER", "BoundDevice device = node.bind(iommufd, cookie);"),
  SET_IOMMU("VFIO_SET_IOMMU", "Ioas ioas = iommufd.allocateIoas(); device.attach(ioas);"),
  IOMMU_GET_INFO("VFIO_IOMMU_GET_INFO", "ioas.allowedIovas(); ioas.iovaAlignment();"),
  GROUP_GET_DEVICE_FD(
      "VFIO_GROUP_GET_DEVICE_FD", "nothing: the device that was bound is the one to use"),
  IOMMU_MAP_DMA(
      "VFIO_IOMMU_MAP_DMA",
      "ioas.map(userVa, length, iova, DmaAccess.READ_WRITE); or ioas.allocate(length)"),
  IOMMU_MAP_DMA_VADDR(
      "VFIO_IOMMU_MAP_DMA with VADDR", "nothing: unmap, and map again, or map a file"),
  IOMMU_UNMAP_DMA("VFIO_IOMMU_UNMAP_DMA", "ioas.unmap(iova, length);"),
  IOMMU_UNMAP_DMA_ALL("VFIO_IOMMU_UNMAP_DMA with ALL", "ioas.unmapAll();"),
  IOMMU_UNMAP_DMA_BITMAP(
      "VFIO_IOMMU_UNMAP_DMA with GET_DIRTY_BITMAP",
      "table.readDirty(bitmap); ioas.unmap(iova, length);"),
  IOMMU_UNMAP_DMA_VADDR(
      "VFIO_IOMMU_UNMAP_DMA with VADDR", "nothing: unmap, and map again, or map a file"),
  DIRTY_PAGES_START(
      "VFIO_IOMMU_DIRTY_PAGES START",
      "ioas.hwpt(device.devId()).dirtyTracking().allocate().setDirtyTracking(true);"),
  DIRTY_PAGES_STOP("VFIO_IOMMU_DIRTY_PAGES STOP", "table.setDirtyTracking(false);"),
  DIRTY_PAGES_GET_BITMAP("VFIO_IOMMU_DIRTY_PAGES GET_BITMAP", "table.readDirty(bitmap);"),
  DEVICE_CALL("calls on a device", "the same: it is a VfioDevice, however it was opened"),
  DEVICE_GET_PCI_HOT_RESET_INFO(
      "VFIO_DEVICE_GET_PCI_HOT_RESET_INFO", "device.planHotReset(); members by device id"),
  DEVICE_PCI_HOT_RESET(
      "VFIO_DEVICE_PCI_HOT_RESET", "device.planHotReset().execute(); without files of groups"),
  CLOSE_DEVICE("close of a device", "device.close();"),
  GROUP_UNSET_CONTAINER("VFIO_GROUP_UNSET_CONTAINER", "device.close();"),
  CLOSE_GROUP("close of a group", "device.close();"),
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
