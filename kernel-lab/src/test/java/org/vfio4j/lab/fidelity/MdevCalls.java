// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.List;
import java.util.Locale;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;

/** Mediated devices: made, opened on both ways, and removed when nothing is open. */
public final class MdevCalls {
  private static final String DEVICES = "/sys/bus/mdev/devices";
  private static final int KNOWN = 6;

  private static final List<String> TYPES =
      List.of(
          "/sys/devices/virtual/mtty/mtty/mdev_supported_types/mtty-1",
          "/sys/devices/virtual/mtty/mtty/mdev_supported_types/mtty-1",
          "/sys/devices/virtual/mtty/mtty/mdev_supported_types/mtty-2",
          "/sys/devices/virtual/mdpy/mdpy/mdev_supported_types/mdpy-vga",
          "/sys/devices/virtual/mdpy/mdpy/mdev_supported_types/mdpy-hd",
          "/sys/devices/virtual/mbochs/mbochs/mdev_supported_types/mbochs-small",
          "/sys/devices/virtual/mbochs/mbochs/mdev_supported_types/mbochs-large");

  private static final List<String> ATTRIBUTES =
      List.of("available_instances", "available_instances", "device_api", "name", "description");

  private static final List<String> NO_UUIDS =
      List.of(
          "\n",
          "1",
          "2ab74924-c335-45f4-9b16-8569e5b0825",
          "2ab74924-c335-45f4-9b16-8569e5b082588",
          "2ab74924-c335-45f4-9b16-8569e5b08258\n\n",
          "2ab74924c335-45f4-9b16-8569e5b08258-",
          "xab74924-c335-45f4-9b16-8569e5b08258");

  private MdevCalls() {}

  /** One serial port. */
  public static List<CallKind.Generator> opening() {
    return List.of((draw, world) -> Call.writeFile(TYPES.get(0) + "/create", uuid(0)));
  }

  /** All of them. */
  public static List<CallKind> kinds() {
    return List.of(
        CallKind.of(3, MdevCalls::create),
        CallKind.of(2, MdevCalls::remove),
        CallKind.of(3, MdevCalls::attribute),
        CallKind.of(20, 1, GroupCalls.GROUP, MdevCalls::openGroup),
        CallKind.of(20, 1, CdevCalls.CDEV, MdevCalls::openNode),
        CallKind.of(0, 6, GroupCalls.GROUP, MdevCalls::openDevice));
  }

  private static String uuid(int number) {
    return "83b8f4f2-509f-382f-3c1e-e6bfe0fa10" + (10 + number);
  }

  private static String device(Draw draw) {
    return DEVICES + "/" + uuid(draw.of(0, 0, 0, draw.below(KNOWN)));
  }

  private static Call create(Draw draw, World world) {
    String usual = uuid(draw.below(KNOWN));
    String text = draw.chance(85) ? usual : draw.of(NO_UUIDS);
    String written = draw.chance(10) ? text.toUpperCase(Locale.ROOT) : text;
    return Call.writeFile(draw.of(TYPES) + "/create", written + (draw.chance(30) ? "\n" : ""));
  }

  private static Call remove(Draw draw, World world) {
    List<String> numbers = List.of("1", "1", "1\n", "2", "-1", "0", "x");
    return Call.writeFileWhenClosed(device(draw) + "/remove", draw.of(numbers));
  }

  private static Call attribute(Draw draw, World world) {
    return Call.readFile(draw.of(TYPES) + "/" + draw.of(ATTRIBUTES));
  }

  private static Call openGroup(Draw draw, World world) {
    return Call.openGroupOf(device(draw), Linux.O_RDWR, world.handle(GroupCalls.GROUP));
  }

  private static Call openNode(Draw draw, World world) {
    return Call.openNodeOf(device(draw), CdevCalls.access(draw), world.handle(CdevCalls.CDEV));
  }

  private static Call openDevice(Draw draw, World world) {
    Argument fd = world.fd(draw, GroupCalls.GROUP);
    if (fd == null) {
      return null;
    }
    String name = uuid(draw.of(0, 0, 0, draw.below(KNOWN)));
    return GroupCalls.openDevice(world, fd, name);
  }

  /** Nothing must be open. */
  static void removeAll(Kernel kernel) {
    for (String uuid : kernel.list(DEVICES).orElse(List.of())) {
      kernel.writeFile(DEVICES + "/" + uuid + "/remove", new byte[] {'1'});
    }
  }
}
