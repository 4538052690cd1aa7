// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.testkit.machine.Machine.Capability;

/**
 * Groups that share an IOMMU.
 *
 * <p>Source: {@code drivers/vfio/container.c}, where the checks are in the same order.
 */
final class Container {
  private final Core core;
  private final List<VfioGroup> groups = new ArrayList<>();
  private Type1 type1;
  private boolean noIommuSet;

  Container(Core core) {
    this.core = core;
  }

  int ioctl(int request, UserPointer argument) {
    switch (request) {
      case VfioGroupUapi.VFIO_GET_API_VERSION -> {
        return VfioGroupUapi.VFIO_API_VERSION;
      }
      case VfioGroupUapi.VFIO_CHECK_EXTENSION -> {
        return checkExtension(argument.number());
      }
      case VfioGroupUapi.VFIO_SET_IOMMU -> setIommu(argument.number());
      default -> {
        KernelError.refuseIf(noIommuSet, Errno.ENOTTY);
        KernelError.refuseIf(type1 == null, Errno.EINVAL);
        return type1.ioctl(request, argument);
      }
    }
    return 0;
  }

  private boolean isNoIommu() {
    return !groups.isEmpty() && groups.get(0).isNoIommu();
  }

  private int checkExtension(long extension) {
    boolean type1Asked = !noIommuSet && (groups.isEmpty() || !isNoIommu());
    boolean noIommuAsked = type1 == null && (groups.isEmpty() || isNoIommu());
    boolean has =
        type1 == null ? Type1.hasExtension(core.version(), extension) : type1.has(extension);
    if (type1Asked && has) {
      return 1;
    }
    boolean noIommu = extension == VfioGroupUapi.VFIO_NOIOMMU_IOMMU && core.isNoIommuMode();
    return noIommuAsked && noIommu ? 1 : 0;
  }

  private void setIommu(long type) {
    KernelError.refuseIf(groups.isEmpty() || hasIommu(), Errno.EINVAL);
    KernelError.refuseIf(checkExtension(type) <= 0, Errno.ENODEV);
    if (isNoIommu()) {
      KernelError.refuseIf(!core.machine().has(Capability.CAP_SYS_RAWIO), Errno.EPERM);
      noIommuSet = true;
      return;
    }
    Type1 chosen = Type1.open(core, type);
    for (VfioGroup group : groups) {
      chosen.attach(group.isReal());
    }
    type1 = chosen;
    groups.forEach(group -> group.iommuGroup().space(type1));
  }

  boolean hasIommu() {
    return type1 != null || noIommuSet;
  }

  void attach(VfioGroup group) {
    boolean privileged = core.machine().has(Capability.CAP_SYS_RAWIO);
    KernelError.refuseIf(group.isNoIommu() && !privileged, Errno.EPERM);
    KernelError.refuseIf(!groups.isEmpty() && isNoIommu() != group.isNoIommu(), Errno.EPERM);
    if (group.isReal()) {
      group.iommuGroup().claim(group);
    }
    if (type1 != null) {
      try {
        type1.attach(group.isReal());
      } catch (KernelError e) {
        if (group.isReal()) {
          group.iommuGroup().release();
        }
        throw e;
      }
      group.iommuGroup().space(type1);
    }
    groups.add(group);
  }

  void detach(VfioGroup group) {
    groups.remove(group);
    group.iommuGroup().space(null);
    if (group.isReal()) {
      group.iommuGroup().release();
    }
    if (type1 != null) {
      type1.detach(group.isReal());
    }
    if (groups.isEmpty()) {
      if (type1 != null) {
        type1.release();
      }
      type1 = null;
      noIommuSet = false;
    }
  }
}
