// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.mdev;

import java.util.List;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.stream.Collectors;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

/** What is behind a refusal of sysfs. */
final class MdevErrors {
  private static final String AS_ROOT = "sysfs lets only root do this: run it with sudo";

  private MdevErrors() {}

  static VfioException noParent(MdevBus bus, String name) {
    String folder = bus.kernel().roots().sys("class/mdev_bus");
    if (!bus.isThere()) {
      return VfioException.failed(Reason.NOT_IN_KERNEL, "find")
          .on("parent " + name)
          .errno(Errno.ENOENT)
          .fact("there is no " + folder + ": the kernel has no mediated devices")
          .hint("load the module of the parent's driver; it brings the module mdev with it")
          .build();
    }
    return VfioException.failed(Reason.NO_SUCH_DEVICE, "find")
        .on("parent " + name)
        .errno(Errno.ENOENT)
        .fact("the parents are " + names(bus.parents()))
        .hint("its driver registers it when its module is loaded, or is told to by the device")
        .build();
  }

  static VfioException noType(MdevParent parent, String name) {
    boolean there = parent.bus().findParent(parent.name()).isPresent();
    return VfioException.failed(Reason.NO_SUCH_DEVICE, "find")
        .on("type " + name + " of " + parent)
        .errno(Errno.ENOENT)
        .fact(
            there
                ? "the types of " + parent + " are " + names(parent.types())
                : parent + " is not, or no longer, a parent of mediated devices")
        .build();
  }

  static VfioException noDevice(MdevBus bus, UUID uuid) {
    List<Mdev> devices = bus.devices();
    return VfioException.failed(Reason.NO_SUCH_DEVICE, "find")
        .on("mdev " + uuid)
        .errno(Errno.ENOENT)
        .fact("there are " + devices.size() + " mediated devices, and none has this UUID")
        .build();
  }

  private static String names(List<?> named) {
    return named.isEmpty()
        ? "none"
        : named.stream()
            .map(one -> one instanceof MdevType type ? type.name() : one.toString())
            .collect(Collectors.joining(", "));
  }

  /**
   * @param before how many instances were left before; empty where nobody asked
   */
  static VfioException create(MdevType type, UUID uuid, Errno errno, OptionalInt before) {
    MdevBus bus = type.parent().bus();
    return switch (errno) {
      case EEXIST ->
          failed(Reason.ALREADY_EXISTS, type, uuid, errno)
              .fact(
                  "the UUID is taken: "
                      + bus.trace(uuid).orElse("a device that is just created or removed has it"))
              .hint("a UUID is for one device of the machine, whatever its parent")
              .build();
      case EUSERS, ENOSPC ->
          failed(Reason.LIMIT, type, uuid, errno)
              .fact(
                  before.orElse(0) > 0
                      ? "another creator was faster: "
                          + before.getAsInt()
                          + " instances of the type were left when this began, and none is now"
                      : "no instance of the type is left")
              .hint(
                  "types may share what the parent has; it has "
                      + type.parent().devices().size()
                      + " devices now")
              .build();
      case ENODEV, ENOENT ->
          failed(Reason.NO_SUCH_DEVICE, type, uuid, errno)
              .fact(
                  errno == Errno.ENODEV
                      ? type.parent() + " is being taken from its driver"
                      : type.parent() + " has no type " + type.name() + ", or no longer")
              .build();
      case EAGAIN ->
          failed(Reason.WRONG_STATE, type, uuid, errno)
              .fact("the driver waits for something that is not there yet")
              .hint("try again later")
              .build();
      case ENOMEM ->
          failed(Reason.LIMIT, type, uuid, errno).fact("the kernel is out of memory").build();
      case EACCES, EPERM, EROFS -> denied(failed(Reason.NO_PERMISSION, type, uuid, errno), errno);
      default ->
          failed(Reason.REFUSED, type, uuid, errno)
              .fact("the driver of " + type.parent() + " does not make the device")
              .hint("the kernel's log may say more: dmesg")
              .build();
    };
  }

  private static VfioException.Builder failed(
      Reason reason, MdevType type, UUID uuid, Errno errno) {
    return VfioException.failed(reason, "create").on("of " + type + " " + uuid).errno(errno);
  }

  private static VfioException denied(VfioException.Builder refusal, Errno errno) {
    return refusal
        .fact(errno == Errno.EROFS ? "sysfs is mounted read-only here" : "sysfs does not let it")
        .hint(
            errno == Errno.EROFS ? "a container sees a sysfs of this kind: ask the host" : AS_ROOT)
        .build();
  }

  static VfioException remove(Mdev mdev, Errno errno) {
    VfioException.Builder refusal =
        VfioException.failed(reasonOfRemove(errno), "remove").on("of " + mdev);
    refusal.errno(errno);
    return switch (errno) {
      case EACCES, EPERM, EROFS -> denied(refusal, errno);
      case ENOENT, ENODEV ->
          refusal.fact("it is gone, or somebody else is removing it, or its parent").build();
      case EAGAIN -> refusal.fact("it is not fully created yet").hint("try again later").build();
      default -> refusal.build();
    };
  }

  private static Reason reasonOfRemove(Errno errno) {
    return switch (errno) {
      case EACCES, EPERM, EROFS -> Reason.NO_PERMISSION;
      case ENOENT, ENODEV -> Reason.NO_SUCH_DEVICE;
      case EAGAIN -> Reason.WRONG_STATE;
      default -> Reason.OTHER;
    };
  }

  static VfioException attribute(Mdev mdev, String operation, String attribute, Errno errno) {
    String object = "of attribute " + attribute + " of " + mdev;
    if (!mdev.exists()) {
      return VfioException.failed(Reason.NO_SUCH_DEVICE, operation)
          .on(object)
          .errno(errno)
          .fact("the device is gone")
          .build();
    }
    return switch (errno) {
      case ENOENT, ENOTDIR, EISDIR ->
          VfioException.failed(Reason.NOT_SUPPORTED, operation)
              .on(object)
              .errno(errno)
              .fact("the attributes of the device are " + names(mdev.attributes()))
              .build();
      case EACCES, EPERM, EROFS ->
          VfioException.failed(Reason.NO_PERMISSION, operation)
              .on(object)
              .errno(errno)
              .fact("the attribute is not there to " + operation + ", or not for this process")
              .hint("see who may: ls -l " + mdev.path() + "/" + attribute)
              .build();
      default ->
          VfioException.failed(Reason.REFUSED, operation)
              .on(object)
              .errno(errno)
              .fact("the driver of " + mdev.parent() + " refuses")
              .build();
    };
  }
}
