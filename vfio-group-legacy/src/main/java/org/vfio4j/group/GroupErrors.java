// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.linux.Explanation;
import org.vfio4j.linux.FileHolders;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.MemoryLock;
import org.vfio4j.linux.PciDriver;
import org.vfio4j.linux.SysfsDevice;

/** What the errnos of containers and groups mean, and what a person can do. */
final class GroupErrors {
  static final String NODE_NEEDS =
      "a device of the group that is bound to vfio-pci, or the VFIO driver of its bus, and a kernel"
          + " with CONFIG_VFIO_GROUP";

  private static final String OPEN_ANEW =
      "close the group, bind the devices again if they were unbound, and open it anew";
  private static final String SET_CONTAINER = "VFIO_GROUP_SET_CONTAINER";
  private static final String SET_IOMMU = "VFIO_SET_IOMMU";
  private static final String GET_DEVICE_FD = "VFIO_GROUP_GET_DEVICE_FD";
  private static final String JOIN_FIRST = "let a group join first: group.join(container)";

  private GroupErrors() {}

  static VfioException dup(int fd, long result) {
    boolean bad = Errno.EBADF.is(result);
    return VfioException.failed(bad ? Reason.INVALID_ARGUMENT : Reason.LIMIT, "dup")
        .on("of fd " + fd)
        .result(result)
        .fact(bad ? "it is no open file" : "the process has no file descriptor left")
        .hint(bad ? "" : "see ulimit -n, and close what is no longer used")
        .build();
  }

  static VfioException apiVersion(ContainerState container, int version) {
    String operation = "VFIO_GET_API_VERSION";
    if (version < 0) {
      return VfioException.failed(Reason.INVALID_ARGUMENT, operation)
          .on("of " + container.name())
          .result(version)
          .fact("the file is neither a container nor an iommufd")
          .hint("open /dev/vfio/vfio or /dev/iommu")
          .build();
    }
    return VfioException.failed(Reason.NOT_IN_KERNEL, operation)
        .on("of " + container.name())
        .fact("the kernel has version " + version + " of the API, this library knows 0")
        .build();
  }

  static VfioException checkExtension(ContainerState container, int extension, long result) {
    VfioException.Builder failure =
        VfioException.failed(
                Errno.ENODEV.is(result) ? Reason.WRONG_STATE : Reason.OTHER, "VFIO_CHECK_EXTENSION")
            .on(extension + " of " + container.name())
            .result(result);
    return Errno.ENODEV.is(result)
        ? failure.fact("no group has joined").hint(JOIN_FIRST).build()
        : failure.build();
  }

  static VfioException spaceInUse(ContainerState container) {
    return VfioException.failed(Reason.WRONG_STATE, SET_IOMMU)
        .on("of " + container.name())
        .fact(
            "it is set already, and the Type1Iommu that stands for it, or a buffer in it, is open")
        .hint("use that one; or close it and its buffers first")
        .build();
  }

  static VfioException setIommu(ContainerState container, IommuType type, long result) {
    String name = type.toString();
    Optional<Explanation> why = container.kernel().explanation();
    if (why.isPresent()) {
      return explained(
          why.get(), SET_IOMMU, type + " of " + container.name(), Errno.ofResult(result));
    }
    return switch (Errno.ofResult(result)) {
      // The other way round: ENODEV of an iommufd is "no group yet", of a container "no such type".
      case EINVAL -> container.iommufd() ? typeRefused(container, type) : notNow(container, name);
      case ENODEV ->
          container.iommufd() ? noGroup(container, name, Errno.ENODEV) : noType(container, name);
      default -> setIommuOther(container, name, result);
    };
  }

  static VfioException setNoIommu(ContainerState container, long result) {
    String name = "NOIOMMU";
    return switch (Errno.ofResult(result)) {
      case EINVAL ->
          !container.iommufd()
              ? notNow(container, name)
              : container.hasIommu()
                  ? hasIommu(container, name, Errno.EINVAL)
                  : noGroup(container, name, Errno.EINVAL);
      case ENODEV -> hasIommu(container, name, Errno.ENODEV);
      case EPERM ->
          setIommuFailed(Reason.NO_PERMISSION, container, name, Errno.EPERM)
              .fact("using a device without an IOMMU needs CAP_SYS_RAWIO")
              .hint("run as root")
              .build();
      default -> setIommuOther(container, name, result);
    };
  }

  static VfioException noNode(Kernel kernel, int number, String path, VfioException cause) {
    List<GroupMember> members = GroupMember.of(kernel, number);
    if (members.isEmpty()) {
      return VfioException.failed(Reason.NO_SUCH_DEVICE, "open")
          .on("of " + path)
          .errno(Errno.ENOENT)
          .cause(cause)
          .fact("there is no IOMMU group " + number)
          .hint("list the groups there are: ls " + kernel.roots().sys("kernel/iommu_groups"))
          .build();
    }
    if (members.stream().noneMatch(GroupMember::vfio)) {
      return VfioException.failed(Reason.WRONG_DRIVER, "open")
          .on("of " + path)
          .errno(Errno.ENOENT)
          .cause(cause)
          .fact("no device of group " + number + " is bound to a driver of VFIO: " + list(members))
          .hint(bind(members))
          .build();
    }
    return cause;
  }

  /** EBUSY of the open: the group's own file, or the node of one of its devices that is bound. */
  static VfioException inUse(Kernel kernel, int number, String path, VfioException cause) {
    if (!FileHolders.of(kernel, path).isEmpty()) {
      return cause;
    }
    String folder = kernel.roots().sys("kernel/iommu_groups/" + number + "/devices");
    String holders =
        kernel.list(folder).orElse(List.of()).stream()
            .flatMap(
                name -> kernel.list(folder + "/" + name + "/vfio-dev").orElse(List.of()).stream())
            .map(node -> kernel.roots().dev("vfio/devices/" + node))
            .filter(node -> !FileHolders.of(kernel, node).isEmpty())
            .map(node -> FileHolders.describe(kernel, node))
            .collect(Collectors.joining(", "));
    if (holders.isEmpty()) {
      return cause;
    }
    return VfioException.failed(Reason.IN_USE, "open")
        .on("of " + path)
        .errno(Errno.EBUSY)
        .cause(cause)
        .fact("a device of the group is open through its own node: " + holders)
        .hint("a device is opened through one of the two APIs at a time: stop the other user")
        .build();
  }

  static VfioException wrongDriver(GroupMember member) {
    return VfioException.failed(Reason.WRONG_DRIVER, "find")
        .on("group of " + member.name())
        .fact(notVfio(member))
        .hint(bind(List.of(member)))
        .build();
  }

  static VfioException noGroup(SysfsDevice device) {
    return VfioException.failed(Reason.NO_IOMMU, "find")
        .on("group of " + device)
        .fact(device.path() + " has no iommu_group: no IOMMU is in front of the device")
        .hint(
            "switch the IOMMU on, in the firmware (VT-d, AMD-Vi, SMMU) and on the kernel command line"
                + " (intel_iommu=on)")
        .build();
  }

  static VfioException status(VfioGroup group, long result) {
    Optional<Explanation> why = group.kernel().explanation();
    if (why.isPresent()) {
      return explained(why.get(), "VFIO_GROUP_GET_STATUS", "of " + group, Errno.ofResult(result));
    }
    boolean gone = Errno.ENODEV.is(result);
    return VfioException.failed(
            gone ? Reason.NO_SUCH_DEVICE : Reason.OTHER, "VFIO_GROUP_GET_STATUS")
        .on("of " + group)
        .result(result)
        .fact(gone ? "the devices of the group are gone" : "")
        .hint(gone ? OPEN_ANEW : "")
        .build();
  }

  static VfioException joinedAlready(VfioGroup group, ContainerState container) {
    return VfioException.failed(Reason.WRONG_STATE, SET_CONTAINER)
        .on("of " + group)
        .fact(
            "it is in "
                + (container == null ? "a container, which it joined elsewhere" : container.name())
                + " already")
        .hint("group.leave() first, with its devices closed")
        .build();
  }

  static VfioException join(VfioGroup group, ContainerState container, long result) {
    Errno errno = Errno.ofResult(result);
    Optional<Explanation> why = group.kernel().explanation();
    if (why.isPresent()) {
      return explained(why.get(), SET_CONTAINER, "of " + group + " to " + container.name(), errno);
    }
    boolean blocked = group.members().stream().anyMatch(GroupMember::blocks);
    if (blocked && (errno == Errno.EPERM || errno == Errno.EBUSY)) {
      return notViable(group, SET_CONTAINER, errno);
    }
    String object = "of " + group + " to " + container.name();
    return switch (errno) {
      case EPERM ->
          joinFailed(Reason.NO_PERMISSION, object, errno)
              .fact(
                  "something that is no host driver has the group (an iommufd), or a no-IOMMU group"
                      + " and a real one would mix or CAP_SYS_RAWIO is missing, or the machine cannot"
                      + " isolate interrupts; the group has "
                      + list(group.members()))
              .hint(unsafeInterrupts(container))
              .build();
      case EBUSY ->
          joinFailed(Reason.IN_USE, object, errno)
              .fact("the group, which has " + list(group.members()) + ", has another IOMMU domain")
              .hint("stop whatever else uses these devices")
              .build();
      case EINVAL ->
          container.hasIommu()
              ? joinFailed(Reason.OVERLAP, object, errno)
                  .fact(
                      "something is mapped where the group's devices cannot have it, or the groups"
                          + " have IOMMUs that do not go together")
                  .hint("let groups join before mapping, or give the group its own container")
                  .build()
              : joinFailed(Reason.NOT_SUPPORTED, object, errno)
                  .fact(
                      "firmware wants a device of the group mapped 1:1 (RMRR), or the container is of"
                          + " the other kind, with or without IOMMU")
                  .hint("dmesg says which")
                  .build();
      case EBADFD, EBADF ->
          joinFailed(Reason.INVALID_ARGUMENT, object, errno)
              .fact("the file is neither a container nor an iommufd that this kernel takes for one")
              .build();
      // ENOENT is a bridge's, whose device nodes are gone.
      case ENODEV, ENOENT ->
          joinFailed(Reason.NO_SUCH_DEVICE, object, errno)
              .fact(
                  "the devices that the group had were unbound or removed since its file was opened")
              .hint(OPEN_ANEW)
              .build();
      case EAGAIN ->
          joinFailed(Reason.IN_USE, object, errno)
              .fact("the host binds, unbinds or removes a device of the group at this moment")
              .hint("try again")
              .build();
      case ENOMEM ->
          joinFailed(Reason.LIMIT, object, errno)
              .fact(MemoryLock.read(group.kernel()).describe(0))
              .build();
      default -> joinFailed(Reason.OTHER, object, errno).build();
    };
  }

  /** {@code errno} is null when the kernel's status said it, before any call was refused. */
  static VfioException notViable(VfioGroup group, String operation, Errno errno) {
    Optional<Explanation> why = group.kernel().explanation();
    if (why.isPresent()) {
      return explained(why.get(), operation, "of " + group, errno);
    }
    List<GroupMember> members = group.members();
    List<GroupMember> blocking = members.stream().filter(GroupMember::blocks).toList();
    VfioException.Builder failure =
        VfioException.failed(Reason.NOT_VIABLE, operation).on("of " + group).errno(errno);
    if (blocking.isEmpty()) {
      return failure
          .fact(
              "the group is in other hands, though none of its devices is bound to a host driver: "
                  + list(members))
          .hint("look for a program that has bound one of them to an iommufd, and stop it")
          .build();
    }
    return failure
        .fact(
            "group "
                + group.number()
                + " is not viable: "
                + blocking.stream()
                    .map(member -> member.name() + " is bound to " + member.driver().orElseThrow())
                    .collect(Collectors.joining(", "))
                + "; the group has "
                + list(members))
        .hint(bind(blocking) + "; no driver at all will do as well")
        .build();
  }

  static VfioException devicesOpen(VfioGroup group, int devices) {
    return leaveFailed(Reason.IN_USE, group)
        .fact(devices == 1 ? "a device of it is open" : devices + " devices of it are open")
        .hint("close the devices first")
        .build();
  }

  static VfioException leave(VfioGroup group, long result) {
    return switch (Errno.ofResult(result)) {
      case EBUSY ->
          leaveFailed(Reason.IN_USE, group)
              .errno(Errno.EBUSY)
              .fact("a device of it is open, or a mapping of one")
              .hint("close the devices first")
              .build();
      case EINVAL ->
          leaveFailed(Reason.WRONG_STATE, group)
              .errno(Errno.EINVAL)
              .fact("it is in no container")
              .build();
      default -> leaveFailed(Reason.OTHER, group).result(result).build();
    };
  }

  /** {@code container} is null when the group is in none, or joined one elsewhere. */
  static VfioException device(VfioGroup group, ContainerState container, String name, long result) {
    Errno errno = Errno.ofResult(result);
    Optional<Explanation> why = group.kernel().explanation();
    if (why.isPresent()) {
      return explained(why.get(), GET_DEVICE_FD, "of " + name + " in " + group, errno);
    }
    List<GroupMember> members = group.members();
    boolean blocked = members.stream().anyMatch(GroupMember::blocks);
    if (blocked && (errno == Errno.EPERM || errno == Errno.EBUSY)) {
      return notViable(group, GET_DEVICE_FD, errno);
    }
    // What follows the name may be a secret.
    String object = "of " + name.split(" ")[0] + " in " + group;
    return switch (errno) {
      case ENODEV -> noSuchDevice(members, name, object);
      case EINVAL ->
          name.contains(" ") && group.status().containerSet()
              ? deviceFailed(Reason.INVALID_ARGUMENT, object, errno)
                  .fact(
                      "the driver does not take what follows the device's name: a token is for"
                          + " functions with SR-IOV, both of them on vfio-pci")
                  .hint("open it by its name alone")
                  .build()
              : noIommuYet(group, object);
      case EPERM ->
          deviceFailed(Reason.NO_PERMISSION, object, errno)
              .fact(
                  "something that is no host driver has the group (an iommufd), or the machine cannot"
                      + " isolate interrupts, or a no-IOMMU group is used without CAP_SYS_RAWIO or"
                      + " with mappings; the group has "
                      + list(members))
              .hint(unsafeInterrupts(container))
              .build();
      case EACCES ->
          deviceFailed(Reason.NO_PERMISSION, object, errno)
              .fact("the driver wants the token of the physical function, and got none or another")
              .hint("name the device as: " + name.split(" ")[0] + " vf_token=UUID")
              .build();
      case EBUSY ->
          deviceFailed(Reason.IN_USE, object, errno)
              .fact("the device, or its IOMMU domain, is in use; the group has " + list(members))
              .build();
      case EMFILE, ENFILE, ENOMEM ->
          deviceFailed(Reason.LIMIT, object, errno)
              .fact("the process or the machine has no file descriptor or memory left")
              .hint("see ulimit -n and ulimit -l, and close what is no longer used")
              .build();
      case EADDRINUSE ->
          deviceFailed(Reason.OVERLAP, object, errno)
              .fact("something is mapped where this device cannot have it")
              .hint("open the devices before mapping")
              .build();
      case EAGAIN ->
          deviceFailed(Reason.IN_USE, object, errno)
              .fact(
                  "the host binds, unbinds or removes the device at this moment, or makes virtual"
                      + " functions")
              .hint("try again")
              .build();
      default -> deviceFailed(Reason.OTHER, object, errno).build();
    };
  }

  private static VfioException explained(
      Explanation why, String operation, String object, Errno errno) {
    return VfioException.failed(why.reason(), operation)
        .on(object)
        .errno(errno)
        .fact(why.fact())
        .hint(why.hint())
        .build();
  }

  private static VfioException noSuchDevice(List<GroupMember> members, String name, String object) {
    for (GroupMember member : members) {
      if (member.name().equals(name.split(" ")[0]) && !member.vfio()) {
        return deviceFailed(Reason.WRONG_DRIVER, object, Errno.ENODEV)
            .fact(notVfio(member))
            .hint(bind(List.of(member)))
            .build();
      }
    }
    return deviceFailed(Reason.NO_SUCH_DEVICE, object, Errno.ENODEV)
        .fact("VFIO has no such device in this group, which has " + list(members))
        .hint("write the name as sysfs has it")
        .build();
  }

  private static String notVfio(GroupMember member) {
    return member.name() + " is bound to " + member.driver().orElse("no driver") + ", not to VFIO";
  }

  private static VfioException noIommuYet(VfioGroup group, String object) {
    boolean joined = group.status().containerSet();
    return deviceFailed(Reason.WRONG_STATE, object, Errno.EINVAL)
        .fact(
            joined
                ? "the group's container has no IOMMU yet, or the device's IOMMU cannot be used"
                : "the group is in no container")
        .hint(
            joined
                ? "container.setIommu(IommuType.TYPE1_V2) first; setNoIommu() for a no-IOMMU group"
                : JOIN_FIRST)
        .build();
  }

  private static VfioException noGroup(ContainerState container, String type, Errno errno) {
    return setIommuFailed(Reason.WRONG_STATE, container, type, errno)
        .fact("no group has joined")
        .hint(JOIN_FIRST)
        .build();
  }

  /** EINVAL of a container: it never means that the type is wrong. */
  private static VfioException notNow(ContainerState container, String type) {
    if (!container.mappingsAreGone()) {
      return setIommuFailed(Reason.WRONG_STATE, container, type, Errno.EINVAL)
          .fact(
              "an IOMMU is set already" + (container.type() == null ? "" : ": " + container.type()))
          .hint("it stays what it is until all groups have left")
          .build();
    }
    if (container.groups() == 0) {
      return noGroup(container, type, Errno.EINVAL);
    }
    return setIommuFailed(Reason.NOT_SUPPORTED, container, type, Errno.EINVAL)
        .fact("the IOMMU cannot take the groups that have joined into one address space")
        .hint("dmesg may say why; try a container for each group")
        .build();
  }

  /**
   * EINVAL of an iommufd: it has an IOAS for containers unless a no-IOMMU group, or none, joined.
   */
  private static VfioException typeRefused(ContainerState container, IommuType type) {
    if (container.hasIommu()) {
      return setIommuFailed(Reason.WRONG_STATE, container, type.toString(), Errno.EINVAL)
          .fact("this type turns large pages off, which cannot be while something is mapped")
          .hint("set it before mapping")
          .build();
    }
    return withoutIommu(container, type.toString(), Errno.EINVAL);
  }

  private static VfioException noType(ContainerState container, String type) {
    if (container.noIommu()) {
      return withoutIommu(container, type, Errno.ENODEV);
    }
    return setIommuFailed(Reason.NOT_IN_KERNEL, container, type, Errno.ENODEV)
        .fact("no IOMMU driver of VFIO has this type")
        .hint("modprobe vfio_iommu_type1")
        .build();
  }

  private static VfioException withoutIommu(ContainerState container, String type, Errno errno) {
    return setIommuFailed(Reason.NO_IOMMU, container, type, errno)
        .fact("the groups in it have no IOMMU")
        .hint(
            "switch the IOMMU on, in the firmware and on the kernel command line; without it"
                + " container.setNoIommu(), and no DMA space: the devices use physical addresses")
        .build();
  }

  private static VfioException hasIommu(ContainerState container, String type, Errno errno) {
    return setIommuFailed(Reason.NOT_SUPPORTED, container, type, errno)
        .fact("the groups in it have an IOMMU, or the no-IOMMU mode was switched off meanwhile")
        .hint("container.setIommu(IommuType.TYPE1_V2)")
        .build();
  }

  private static VfioException setIommuOther(ContainerState container, String type, long result) {
    Errno errno = Errno.ofResult(result);
    return switch (errno) {
      case EPERM ->
          setIommuFailed(Reason.NO_PERMISSION, container, type, errno)
              .fact("the machine cannot isolate the interrupts of the group's devices")
              .hint(unsafeInterrupts(container))
              .build();
      case ENOMEM -> setIommuFailed(Reason.LIMIT, container, type, errno).build();
      case EBUSY ->
          setIommuFailed(Reason.IN_USE, container, type, errno)
              .fact("something else uses the IOMMU for a group in the container")
              .build();
      default -> setIommuFailed(Reason.OTHER, container, type, errno).build();
    };
  }

  private static String unsafeInterrupts(ContainerState container) {
    String module = container == null || container.iommufd() ? "iommufd" : "vfio_iommu_type1";
    return "switch interrupt remapping on; where the machine has none, the parameter"
        + " allow_unsafe_interrupts of the module "
        + module
        + " gives up that protection";
  }

  private static String bind(List<GroupMember> members) {
    return PciDriver.howToBind(members.stream().map(GroupMember::name).toList());
  }

  private static String list(List<GroupMember> members) {
    return members.stream().map(GroupMember::toString).collect(Collectors.joining(", "));
  }

  private static VfioException.Builder setIommuFailed(
      Reason reason, ContainerState container, String type, Errno errno) {
    return VfioException.failed(reason, SET_IOMMU)
        .on(type + " of " + container.name())
        .errno(errno);
  }

  private static VfioException.Builder joinFailed(Reason reason, String object, Errno errno) {
    return VfioException.failed(reason, SET_CONTAINER).on(object).errno(errno);
  }

  private static VfioException.Builder leaveFailed(Reason reason, VfioGroup group) {
    return VfioException.failed(reason, "VFIO_GROUP_UNSET_CONTAINER").on("of " + group);
  }

  private static VfioException.Builder deviceFailed(Reason reason, String object, Errno errno) {
    return VfioException.failed(reason, GET_DEVICE_FD).on(object).errno(errno);
  }
}
