// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.List;
import org.vfio4j.cdev.uapi.VfioCdevUapi;
import org.vfio4j.cdev.uapi.VfioDeviceAttachIommufdPt;
import org.vfio4j.cdev.uapi.VfioDeviceBindIommufd;
import org.vfio4j.cdev.uapi.VfioDeviceDetachIommufdPt;
import org.vfio4j.linux.Linux;

/** Device nodes: what binds them to an iommufd, and to its address spaces. */
public final class CdevCalls {
  public static final String CDEV = "cdev";

  private static final int MOST_FILES = 4;

  /** edu alone, more often; two edu in one group. */
  private static final List<String> NODES =
      List.of(
          "/dev/vfio/devices/vfio0",
          "/dev/vfio/devices/vfio0",
          "/dev/vfio/devices/vfio2",
          "/dev/vfio/devices/vfio3");

  private CdevCalls() {}

  /** A device that is bound and attached. */
  public static List<CallKind.Generator> opening() {
    return List.of(CdevCalls::open, CdevCalls::bind, CdevCalls::attach);
  }

  /** All of them. */
  public static List<CallKind> kinds() {
    return List.of(
        new CallKind(
            world -> !world.has(CDEV) ? 60 : world.count(CDEV) < MOST_FILES ? 2 : 0,
            CdevCalls::open),
        CallKind.of(0, 2, CDEV, CdevCalls::close),
        new CallKind(
            world -> world.find(CDEV, cdev -> cdev.partner() == null) == null ? 1 : 25,
            CdevCalls::bind),
        CallKind.of(0, 12, CDEV, CdevCalls::attach),
        CallKind.of(0, 6, CDEV, CdevCalls::detach));
  }

  /** Device nodes beside groups, which exclude each other. */
  public static List<CallKind> aside() {
    return List.of(
        CallKind.of(2, 0, CDEV, CdevCalls::open),
        CallKind.of(0, 4, CDEV, CdevCalls::close),
        CallKind.of(0, 3, CDEV, CdevCalls::bind),
        CallKind.of(0, 2, CDEV, CdevCalls::attach));
  }

  /** Mostly for both, or little could be done. */
  static int access(Draw draw) {
    return draw.mostly(Linux.O_RDWR, Linux.O_RDONLY, Linux.O_WRONLY);
  }

  static Call open(Draw draw, World world) {
    return Call.open(draw.of(NODES), access(draw), world.handle(CDEV));
  }

  private static Call close(Draw draw, World world) {
    Argument fd = world.fd(draw, CDEV);
    return fd == null ? null : Call.close(fd).learn(() -> unbound(world, fd.handle()));
  }

  /** The ids of the device and of a page table that was made for it are gone. */
  private static void unbound(World world, Handle cdev) {
    world.all().stream().filter(handle -> handle.partner() == cdev).forEach(Handle::end);
  }

  static Call bind(Draw draw, World world) {
    Handle unbound = world.find(CDEV, cdev -> cdev.partner() == null);
    boolean first = unbound != null && draw.chance(85);
    Argument fd = first ? Argument.of(unbound) : world.fd(draw, CDEV);
    Argument iommufd = draw.chance(4) ? world.anyFd(draw) : world.fd(draw, IommufdCalls.IOMMUFD);
    if (fd == null || iommufd == null) {
      return null;
    }
    Handle device = world.handle(IommufdCalls.DEVICE).ownedBy(iommufd.handle());
    device.partner(fd.handle());
    Call call = Call.ioctl("VFIO_DEVICE_BIND_IOMMUFD", VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD, fd);
    return GroupCalls.argsz(draw, call, VfioDeviceBindIommufd.SIZEOF)
        .u32("flags", VfioDeviceBindIommufd.FLAGS, draw.mostly(0, 1, -1))
        .u32("iommufd", VfioDeviceBindIommufd.IOMMUFD, iommufd)
        .area(VfioDeviceBindIommufd.OUT_DEVID, Integer.BYTES)
        .makesId(device, VfioDeviceBindIommufd.OUT_DEVID)
        .learn(() -> bound(fd.handle(), iommufd.handle()));
  }

  private static void bound(Handle cdev, Handle iommufd) {
    if (cdev != null) {
      cdev.partner(iommufd);
    }
  }

  static Call attach(Draw draw, World world) {
    Argument fd = world.fd(draw, CDEV);
    if (fd == null) {
      return null;
    }
    Handle owner = fd.handle() == null ? null : fd.handle().partner();
    String kind = draw.chance(80) ? IommufdCalls.IOAS : IommufdCalls.HWPT;
    Argument target = world.id(draw, owner, draw.chance(97) ? kind : IommufdCalls.DEVICE);
    Handle hwpt = world.handle(IommufdCalls.HWPT).ownedBy(owner);
    hwpt.partner(fd.handle());
    int request = VfioCdevUapi.VFIO_DEVICE_ATTACH_IOMMUFD_PT;
    Call call = Call.ioctl("VFIO_DEVICE_ATTACH_IOMMUFD_PT", request, fd);
    return GroupCalls.argsz(draw, call, VfioDeviceAttachIommufdPt.SIZEOF)
        .u32("flags", VfioDeviceAttachIommufdPt.FLAGS, draw.mostly(0, 1, -1))
        .u32("pt_id", VfioDeviceAttachIommufdPt.PT_ID, target)
        .makesId(hwpt, VfioDeviceAttachIommufdPt.PT_ID);
  }

  private static Call detach(Draw draw, World world) {
    Argument fd = world.fd(draw, CDEV);
    if (fd == null) {
      return null;
    }
    int request = VfioCdevUapi.VFIO_DEVICE_DETACH_IOMMUFD_PT;
    Call call = Call.ioctl("VFIO_DEVICE_DETACH_IOMMUFD_PT", request, fd);
    return GroupCalls.argsz(draw, call, VfioDeviceDetachIommufdPt.SIZEOF)
        .u32("flags", VfioDeviceDetachIommufdPt.FLAGS, draw.mostly(0, 1, -1));
  }
}
