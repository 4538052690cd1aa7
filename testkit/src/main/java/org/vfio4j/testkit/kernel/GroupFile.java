// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.charset.StandardCharsets;
import org.vfio4j.Errno;
import org.vfio4j.group.uapi.VfioGroupStatus;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.testkit.machine.Machine.Capability;

/**
 * An open group.
 *
 * <p>Source: {@code drivers/vfio/group.c}, where the checks are in the same order.
 */
final class GroupFile extends CharacterFile {
  private final Core core;
  private final VfioGroup group;

  GroupFile(Core core, VfioGroup group) {
    super("/dev/" + group.node());
    boolean privileged = core.machine().has(Capability.CAP_SYS_RAWIO);
    KernelError.refuseIf(group.isNoIommu() && !privileged, Errno.EPERM);
    this.core = core;
    this.group = group;
    group.open(this);
  }

  VfioGroup group() {
    return group;
  }

  @Override
  void release() {
    group.close();
  }

  @Override
  int ioctl(int request, UserPointer argument) {
    switch (request) {
      case VfioGroupUapi.VFIO_GROUP_GET_STATUS -> status(argument);
      case VfioGroupUapi.VFIO_GROUP_SET_CONTAINER -> join(argument.getInt(0));
      case VfioGroupUapi.VFIO_GROUP_UNSET_CONTAINER -> group.leave();
      case VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD -> {
        return open(argument);
      }
      default -> throw KernelError.of(Errno.ENOTTY);
    }
    return 0;
  }

  private void status(UserPointer status) {
    status.argsz(VfioGroupStatus.SIZEOF);
    KernelError.refuseIf(group.devices().isEmpty(), Errno.ENODEV);
    int flags = 0;
    if (group.isJoined()) {
      flags = VfioGroupUapi.VFIO_GROUP_FLAGS_CONTAINER_SET | VfioGroupUapi.VFIO_GROUP_FLAGS_VIABLE;
    } else if (!group.iommuGroup().isOwned()) {
      flags = VfioGroupUapi.VFIO_GROUP_FLAGS_VIABLE;
    }
    status.putInt(VfioGroupStatus.FLAGS, flags);
  }

  private void join(int fd) {
    boolean itselfFirst = core.version().groupsLookAtThemselvesFirst();
    KernelError.refuseIf(itselfFirst && (fd < 0 || group.isJoined()), Errno.EINVAL);
    KernelError.refuseIf(fd < 0, Errno.EBADF);
    OpenFile file = core.files().get(fd);
    KernelError.refuseIf(group.isJoined(), Errno.EINVAL);
    KernelError.refuseIf(group.devices().isEmpty(), Errno.ENODEV);
    if (file instanceof ContainerFile container) {
      group.join(container.container());
    } else if (file instanceof IommufdFile iommufd) {
      IommufdContext context = iommufd.context();
      if (!group.isNoIommu() || !core.version().hasNoIommuOnIommufd()) {
        KernelError.refuseIf(context.isNoIommu(), Errno.EINVAL);
        if (!context.hasCompat()) {
          context.compat(context.allocateIoas());
        }
      } else {
        KernelError.refuseIf(context.hasCompat(), Errno.EINVAL);
        context.setNoIommu();
      }
      group.join(context);
    } else {
      // EBADFD since iommufds can be what it was not.
      throw KernelError.of(core.version().hasIommufd() ? Errno.EBADFD : Errno.EINVAL);
    }
  }

  private int open(UserPointer name) {
    String text = text(name);
    boolean itselfFirst = core.version().groupsLookAtThemselvesFirst();
    KernelError.refuseIf(itselfFirst && !group.hasIommu(), Errno.EINVAL);
    VfioDevice device = device(text);
    if (!itselfFirst) {
      core.files().refuseIfFull();
    }
    KernelError.refuseIf(!group.isJoined(), Errno.EINVAL);
    boolean privileged = core.machine().has(Capability.CAP_SYS_RAWIO);
    device.openFromGroup(group.iommufd(), privileged);
    DeviceFile file = new DeviceFile(core, device, true, "anon_inode:[vfio-device]");
    return core.files().add(file);
  }

  /** Of which the driver says that it is called so; those that leave are not asked. */
  private VfioDevice device(String text) {
    return group.devices().stream()
        .filter(device -> !device.isLeaving())
        .filter(device -> device.device().matches(text))
        .findFirst()
        .orElseThrow(() -> KernelError.of(Errno.ENODEV));
  }

  private static String text(UserPointer name) {
    int length = 0;
    while (name.getByte(length) != 0) {
      length++;
      KernelError.refuseIf(length >= UserMemory.PAGE, Errno.EINVAL);
    }
    return new String(name.get(0, length), StandardCharsets.UTF_8);
  }
}
