// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.dma.DmaSpace;
import org.vfio4j.group.IommuType;
import org.vfio4j.group.Type1Iommu;
import org.vfio4j.group.VfioContainer;
import org.vfio4j.group.VfioGroup;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.KernelObject;
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
        switch (mode) {
          case VFIO_TYPE1_IOMMU, IOMMUFD_COMPAT_TYPE1, BRIDGE_TYPE1 -> IommuType.TYPE1;
          default -> IommuType.TYPE1_V2;
        };
    this.container = mode.isCompat() ? overIommufd(kernel) : VfioContainer.open(kernel);
  }

  @Override
  DmaSpace dma() {
    return iommu;
  }

  @Override
  VfioDevice openDevice(SysfsDevice device, DeviceCookie cookie) {
    OptionalInt number = device.iommuGroup();
    VfioGroup known = number.isPresent() ? groups.get(number.getAsInt()) : null;
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
        closeAfter(e, group);
      }
      throw e;
    }
  }

  @Override
  void closeSpace() {
    List<KernelObject> all = new ArrayList<>();
    // The address space first: who still maps is told that it is closed, not that its group left.
    if (iommu != null) {
      all.add(iommu);
    }
    all.addAll(groups.values());
    all.add(container);
    closeAll(all);
  }

  /** The container duplicates the descriptor, so that this one is not needed any more. */
  private static VfioContainer overIommufd(Kernel kernel) {
    VfioContainer container = null;
    try (Iommufd iommufd = Iommufd.open(kernel)) {
      container = VfioContainer.overIommufd(kernel, iommufd.fd());
    } catch (RuntimeException e) {
      if (container != null) {
        closeAfter(e, container);
      }
      throw e;
    }
    return container;
  }
}
