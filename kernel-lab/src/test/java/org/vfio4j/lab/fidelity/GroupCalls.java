// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.List;
import org.vfio4j.group.uapi.VfioGroupStatus;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.linux.Linux;

/** Groups, and how they get into a container. */
public final class GroupCalls {
  public static final String GROUP = "group";

  /** A device that was opened through its group. */
  public static final String DEVICE = "device";

  private static final int PAGE = 4096;
  private static final int UNKNOWN_AREA = 64;
  private static final int MOST_DEVICES = 3;

  /** A group of the lab, and what can be opened in it. */
  private record Node(String path, List<String> devices) {}

  /** edu alone, more often; two edu behind a bridge; one without a device of VFIO. */
  private static final List<Node> NODES =
      List.of(
          new Node("/dev/vfio/1", List.of("0000:00:05.0")),
          new Node("/dev/vfio/4", List.of("0000:01:01.0", "0000:01:02.0")),
          new Node("/dev/vfio/8", List.of("0000:00:1f.2")),
          new Node("/dev/vfio/noiommu-0", List.of("0000:00:05.0")));

  private static final int WITH_IOMMU = 3;
  private static final int NO_IOMMU = 3;

  private static final List<String> WRONG_DEVICES =
      List.of(
          "",
          "0000:00:06.0",
          "0000:00:08.0",
          "0000:00:05.1",
          "0000:00:05.0 vf_token=2ab74924-c335-45f4-9b16-8569e5b08258",
          "0000:00:05.0 vf_token=nothing",
          "0000:00:05.0 other=1",
          "0000:00:05.0 ",
          " 0000:00:05.0");

  private GroupCalls() {}

  /** Calls on groups. */
  public static List<CallKind> kinds(String container) {
    return kinds(container, GroupCalls::open, (draw, world) -> join(draw, world, container));
  }

  /** As {@link #kinds(String)}, among groups that no IOMMU is in front of. */
  public static List<CallKind> besideMediated(String container) {
    return kinds(container, GroupCalls::open, unlessHeld(container));
  }

  /** Calls on the group of the topology without an IOMMU. */
  public static List<CallKind> withoutIommu(String container) {
    return kinds(container, GroupCalls::openWithoutIommu, unlessHeld(container));
  }

  private static List<CallKind> kinds(
      String container, CallKind.Generator open, CallKind.Generator join) {
    return List.of(
        CallKind.of(60, 2, GROUP, open),
        CallKind.of(0, 1, GROUP, GroupCalls::close),
        CallKind.of(0, 3, GROUP, GroupCalls::status),
        new CallKind(world -> joinable(world, container) ? 40 : 2, join),
        CallKind.of(0, 2, GROUP, GroupCalls::leave),
        new CallKind(
            world -> world.count(DEVICE) < MOST_DEVICES && world.has(GROUP) ? 5 : 0,
            GroupCalls::openDevice),
        CallKind.of(0, 4, DEVICE, GroupCalls::closeDevice),
        CallKind.of(0, 1, GROUP, GroupCalls::unknown));
  }

  /** A group that is opened and closed beside device nodes, which exclude each other. */
  public static List<CallKind> aside() {
    return List.of(
        CallKind.of(1, 0, GROUP, GroupCalls::open),
        CallKind.of(0, 3, GROUP, GroupCalls::close),
        CallKind.of(0, 1, GROUP, GroupCalls::status));
  }

  private static boolean joinable(World world, String container) {
    return world.has(container) && world.find(GROUP, group -> group.partner() == null) != null;
  }

  static Call open(Draw draw, World world) {
    int node = draw.of(0, 0, 0, 1, 1);
    int opened = draw.mostly(node, 2);
    Handle group = world.handle(GROUP);
    group.state(opened);
    return Call.open(NODES.get(opened).path(), Linux.O_RDWR, group);
  }

  static Call openWithoutIommu(Draw draw, World world) {
    Handle group = world.handle(GROUP);
    group.state(NO_IOMMU);
    return Call.open(NODES.get(NO_IOMMU).path(), Linux.O_RDWR, group);
  }

  private static Call close(Draw draw, World world) {
    Argument fd = world.fd(draw, GROUP);
    return fd == null ? null : Call.close(fd).learn(() -> left(fd.handle()));
  }

  private static Call status(Draw draw, World world) {
    Argument fd = world.fd(draw, GROUP);
    if (fd == null) {
      return null;
    }
    Call call = Call.ioctl("VFIO_GROUP_GET_STATUS", VfioGroupUapi.VFIO_GROUP_GET_STATUS, fd);
    return argsz(draw, call, VfioGroupStatus.SIZEOF)
        .u32("flags", VfioGroupStatus.FLAGS, draw.mostly(0, -1));
  }

  /** The size in the first field: mostly the right one. */
  static Call argsz(Draw draw, Call call, int size) {
    return call.u32("argsz", 0, draw.mostly(size, 0, size - 4, size - 1, size + 8, -1));
  }

  static Call join(Draw draw, World world, String container) {
    Argument fd = world.fd(draw, GROUP);
    boolean wrong = draw.chance(4);
    Argument target = wrong ? world.anyFd(draw) : world.fd(draw, container);
    if (fd == null || target == null) {
      return null;
    }
    return Call.ioctl("VFIO_GROUP_SET_CONTAINER", VfioGroupUapi.VFIO_GROUP_SET_CONTAINER, fd)
        .u32("fd", 0, target)
        .learn(() -> joined(fd.handle(), target.handle()));
  }

  /**
   * Not into a container while a device is open, or mapped, that was opened when the group was in
   * an iommufd: opened once more, and closed in the order of opening, it makes Linux 6.12 put the
   * group's file once too often (vfio_group_unuse_container()), and nothing can be compared behind
   * that. With an IOMMU the kernel refuses to join.
   */
  private static CallKind.Generator unlessHeld(String container) {
    return (draw, world) -> {
      boolean isHeld =
          world.find(DEVICE, device -> !isIn("container", device)) != null
              || world.find(DeviceCalls.MAPPING, mapped -> !isIn("container", mapped.partner()))
                  != null;
      boolean goes = !isHeld || container.equals(IommufdCalls.IOMMUFD);
      return goes ? join(draw, world, container) : null;
    };
  }

  private static boolean isIn(String container, Handle device) {
    return device != null && device.partner() != null && device.partner().kind().equals(container);
  }

  private static void joined(Handle group, Handle container) {
    if (group != null) {
      group.partner(container);
    }
  }

  /** It may have been the last one, which ends the IOMMU of the container. */
  private static void left(Handle group) {
    if (group != null && group.partner() != null) {
      group.partner().state(0);
      group.partner(null);
    }
  }

  private static Call leave(Draw draw, World world) {
    Argument fd = world.fd(draw, GROUP);
    if (fd == null) {
      return null;
    }
    int request = VfioGroupUapi.VFIO_GROUP_UNSET_CONTAINER;
    return Call.ioctl("VFIO_GROUP_UNSET_CONTAINER", request, fd, Argument.of(0))
        .learn(() -> left(fd.handle()));
  }

  static Call openDevice(Draw draw, World world) {
    Argument fd = world.fd(draw, GROUP);
    if (fd == null) {
      return null;
    }
    boolean known = fd.handle() != null && fd.handle().kind().equals(GROUP) && draw.chance(92);
    Node node = known ? NODES.get(fd.handle().state()) : draw.of(NODES.subList(0, WITH_IOMMU));
    String name = known || draw.chance(30) ? draw.of(node.devices()) : draw.of(WRONG_DEVICES);
    return openDevice(world, fd, name);
  }

  static Call openDevice(World world, Argument fd, String name) {
    Handle group = fd.handle();
    Handle device = world.handle(DEVICE);
    return Call.ioctl("VFIO_GROUP_GET_DEVICE_FD", VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD, fd)
        .text(0, name)
        .makesFd(device)
        .learn(() -> device.partner(group == null ? null : group.partner()));
  }

  private static Call closeDevice(Draw draw, World world) {
    Argument fd = world.fd(draw, DEVICE);
    return fd == null ? null : Call.close(fd);
  }

  private static Call unknown(Draw draw, World world) {
    Argument fd = world.fd(draw, GROUP);
    if (fd == null) {
      return null;
    }
    if (draw.chance(30)) {
      int request = VfioGroupUapi.VFIO_GROUP_GET_STATUS + draw.of(0, 1, 3);
      Argument nowhere = Argument.of(draw.of(0L, PAGE, -PAGE));
      return Call.ioctl("0x" + Integer.toHexString(request), request, fd, nowhere);
    }
    int request = draw.of(0x3B64, 0x3B6B, 0x3B71, 0x3B76, 0x3B80, 0);
    return Call.ioctl("0x" + Integer.toHexString(request), request, fd).area(0, UNKNOWN_AREA);
  }
}
