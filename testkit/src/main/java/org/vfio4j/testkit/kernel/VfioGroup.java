// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.testkit.kernel.IommuGroup.Kind;

/**
 * A group that has devices of VFIO: its file, and what it is in.
 *
 * <p>Source: {@code drivers/vfio/group.c}.
 */
final class VfioGroup {
  private final IommuGroup iommuGroup;
  private final List<VfioDevice> devices = new ArrayList<>();
  private GroupFile opened;
  private Container container;
  private IommufdContext iommufd;
  private int containerUsers;
  private int boundNodes;

  VfioGroup(IommuGroup iommuGroup) {
    this.iommuGroup = iommuGroup;
  }

  IommuGroup iommuGroup() {
    return iommuGroup;
  }

  /** Whether an IOMMU is in front of its devices. */
  boolean isReal() {
    return iommuGroup.kind() == Kind.IOMMU;
  }

  boolean isNoIommu() {
    return iommuGroup.kind() == Kind.NO_IOMMU;
  }

  List<VfioDevice> devices() {
    return devices;
  }

  /** The path of its node below /dev. */
  String node() {
    return "vfio/" + (isNoIommu() ? "noiommu-" : "") + iommuGroup.number();
  }

  void open(GroupFile file) {
    KernelError.refuseIf(boundNodes > 0 || opened != null, Errno.EBUSY);
    opened = file;
  }

  /** The group's file is gone. */
  void close() {
    if (container != null) {
      leaveContainer();
    }
    if (iommufd != null) {
      leaveIommufd();
    }
    opened = null;
  }

  /** Its last device is gone, and whoever still has it open can do nothing with it. */
  void revoke() {
    if (container != null) {
      leaveContainer();
    }
  }

  boolean isJoined() {
    return container != null || iommufd != null;
  }

  boolean isInContainer() {
    return container != null;
  }

  /** Whether it is in a container that has an IOMMU. */
  boolean hasIommu() {
    return container != null && container.hasIommu();
  }

  /** Null where it is in none. */
  IommufdContext iommufd() {
    return iommufd;
  }

  void join(Container joined) {
    joined.attach(this);
    container = joined;
  }

  void join(IommufdContext joined) {
    joined.hold();
    iommufd = joined;
  }

  void leave() {
    KernelError.refuseIf(!isJoined(), Errno.EINVAL);
    if (container != null) {
      KernelError.refuseIf(containerUsers > 0, Errno.EBUSY);
      leaveContainer();
    } else {
      leaveIommufd();
    }
  }

  private void leaveContainer() {
    Container left = container;
    container = null;
    left.detach(this);
  }

  private void leaveIommufd() {
    IommufdContext left = iommufd;
    iommufd = null;
    left.drop();
  }

  /** vfio_group_use_container(): a device keeps the group open. */
  GroupFile useContainer(boolean privileged) {
    KernelError.refuseIf(!container.hasIommu(), Errno.EINVAL);
    KernelError.refuseIf(isNoIommu() && !privileged, Errno.EPERM);
    containerUsers++;
    opened.hold();
    return opened;
  }

  void unuseContainer(GroupFile file) {
    containerUsers--;
    file.drop();
  }

  /** A device node of the group is to be bound. */
  void block() {
    KernelError.refuseIf(opened != null, Errno.EBUSY);
    boundNodes++;
  }

  void unblock() {
    boundNodes--;
  }
}
