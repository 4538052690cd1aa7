// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.util.HashMap;
import java.util.Map;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.dma.DmaSpace;
import org.vfio4j.group.IommuType;
import org.vfio4j.group.Type1Iommu;
import org.vfio4j.group.VfioContainer;
import org.vfio4j.group.VfioGroup;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.SysfsDevice;

/** A container with its IOMMU, and the groups of the devices, each opened once. */
final class GroupCentricSpace extends AssignedSpace {
  private final Kernel kernel;
  private final IommuType type;
  private final VfioContainer container;
  private final Map<Integer, VfioGroup> groups = new HashMap<>();
  private Type1Iommu iommu;

  GroupCentricSpace(Kernel kernel, VfioMode mode) {
    super(mode);
    this.kernel = kernel;
    this.type =
        mode == VfioMode.VFIO_TYPE1_IOMMU || mode == VfioMode.IOMMUFD_COMPAT_TYPE1
            ? IommuType.TYPE1
            : IommuType.TYPE1_V2;
    this.container =
        mode == VfioMode.IOMMUFD_COMPAT_TYPE1 || mode == VfioMode.IOMMUFD_COMPAT_TYPE1V2
            ? overIommufd(kernel)
            : VfioContainer.open(kernel);
  }

  @Override
  DmaSpace dma() {
    return iommu;
  }

  @Override
  VfioDevice openDevice(SysfsDevice device, DeviceCookie cookie) {
    VfioGroup known =
        device.iommuGroup().isPresent() ? groups.get(device.iommuGroup().getAsInt()) : null;
    VfioGroup group = known == null ? VfioGroup.of(kernel, device) : known;
    try {
      if (known == null) {
        group.join(container);
      }
      if (iommu == null) {
        iommu = container.setIommu(type);
      }
      VfioDevice opened = group.device(device.name());
      groups.put(group.number(), group);
      return opened;
    } catch (RuntimeException e) {
      if (known == null) {
        group.close();
      }
      throw e;
    }
  }

  @Override
  void closeSpace() {
    // The address space first: who still maps is told that it is closed, not that its group left.
    try {
      if (iommu != null) {
        iommu.close();
      }
    } finally {
      groups.values().forEach(VfioGroup::close);
      container.close();
    }
  }

  /** The container duplicates the descriptor, so that this one is not needed any more. */
  private static VfioContainer overIommufd(Kernel kernel) {
    try (Iommufd iommufd = Iommufd.open(kernel)) {
      return VfioContainer.overIommufd(kernel, iommufd.fd());
    }
  }
}
