// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.failure;

import java.util.EnumSet;
import java.util.Set;
import org.vfio4j.cdev.uapi.VfioCdevUapi;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.testkit.trace.Ioctls;

/**
 * A call that a program makes.
 *
 * @param request of an ioctl; 0 of other calls
 * @param path of calls that have one, else empty
 */
public record Attempt(PortCall call, int request, String path) {
  private static final Set<PortCall> ALLOCATE =
      EnumSet.of(PortCall.OPEN, PortCall.DUP, PortCall.EVENTFD, PortCall.UEVENTS, PortCall.MMAP);

  private static final Set<Integer> IOCTLS_THAT_ALLOCATE =
      Set.of(
          IommufdUapi.IOMMU_IOAS_ALLOC,
          IommufdUapi.IOMMU_IOAS_MAP,
          IommufdUapi.IOMMU_IOAS_MAP_FILE,
          IommufdUapi.IOMMU_IOAS_COPY,
          IommufdUapi.IOMMU_HWPT_ALLOC,
          IommufdUapi.IOMMU_FAULT_QUEUE_ALLOC,
          IommufdUapi.IOMMU_VIOMMU_ALLOC,
          IommufdUapi.IOMMU_VDEVICE_ALLOC,
          IommufdUapi.IOMMU_VEVENTQ_ALLOC,
          IommufdUapi.IOMMU_HW_QUEUE_ALLOC,
          VfioGroupUapi.VFIO_SET_IOMMU,
          VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD,
          VfioGroupUapi.VFIO_IOMMU_MAP_DMA,
          VfioDeviceUapi.VFIO_DEVICE_SET_IRQS,
          VfioDeviceUapi.VFIO_DEVICE_IOEVENTFD,
          VfioDeviceUapi.VFIO_DEVICE_FEATURE,
          VfioDeviceUapi.VFIO_DEVICE_GET_GFX_DMABUF,
          VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD,
          VfioCdevUapi.VFIO_DEVICE_ATTACH_IOMMUFD_PT);

  static Attempt of(PortCall call) {
    return new Attempt(call, 0, "");
  }

  static Attempt of(PortCall call, String path) {
    return new Attempt(call, 0, path);
  }

  static Attempt ioctl(int request) {
    return new Attempt(PortCall.IOCTL, request, "");
  }

  boolean isIoctl(int number) {
    return call == PortCall.IOCTL && request == number;
  }

  /** Whether the kernel would, or by its number might, hold more for the process afterwards. */
  boolean allocates() {
    return ALLOCATE.contains(call)
        || (call == PortCall.IOCTL && IOCTLS_THAT_ALLOCATE.contains(request));
  }

  static String name(int request) {
    return Ioctls.names(request);
  }

  @Override
  public String toString() {
    return call == PortCall.IOCTL
        ? "ioctl " + name(request)
        : call.name().toLowerCase(java.util.Locale.ROOT) + (path.isEmpty() ? "" : " " + path);
  }
}
