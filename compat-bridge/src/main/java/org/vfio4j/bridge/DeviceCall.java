// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

/** The device-centric calls that the bridge makes, by their kernel names. */
public enum DeviceCall {
  OPEN_IOMMUFD("open /dev/iommu"),
  IOMMU_OPTION("IOMMU_OPTION"),
  IOMMU_IOAS_ALLOC("IOMMU_IOAS_ALLOC"),
  IOMMU_IOAS_IOVA_RANGES("IOMMU_IOAS_IOVA_RANGES"),
  IOMMU_IOAS_MAP("IOMMU_IOAS_MAP"),
  IOMMU_IOAS_UNMAP("IOMMU_IOAS_UNMAP"),
  IOMMU_DESTROY("IOMMU_DESTROY"),
  IOMMU_GET_HW_INFO("IOMMU_GET_HW_INFO"),
  IOMMU_HWPT_ALLOC("IOMMU_HWPT_ALLOC"),
  IOMMU_HWPT_SET_DIRTY_TRACKING("IOMMU_HWPT_SET_DIRTY_TRACKING"),
  IOMMU_HWPT_GET_DIRTY_BITMAP("IOMMU_HWPT_GET_DIRTY_BITMAP"),
  OPEN_NODE("open /dev/vfio/devices/vfioN"),
  VFIO_DEVICE_BIND_IOMMUFD("VFIO_DEVICE_BIND_IOMMUFD"),
  VFIO_DEVICE_ATTACH_IOMMUFD_PT("VFIO_DEVICE_ATTACH_IOMMUFD_PT"),
  VFIO_DEVICE_DETACH_IOMMUFD_PT("VFIO_DEVICE_DETACH_IOMMUFD_PT"),
  VFIO_DEVICE_GET_PCI_HOT_RESET_INFO("VFIO_DEVICE_GET_PCI_HOT_RESET_INFO"),
  VFIO_DEVICE_PCI_HOT_RESET("VFIO_DEVICE_PCI_HOT_RESET"),
  /** A call on a device, which is passed on as it is. */
  THE_SAME("the same"),
  CLOSE("close");

  private final String text;

  DeviceCall(String text) {
    this.text = text;
  }

  /** The call by its kernel name. */
  public String text() {
    return text;
  }
}
