// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.ToIntFunction;
import org.vfio4j.linux.Result;
import org.vfio4j.testkit.device.MediatedAttribute;
import org.vfio4j.testkit.kernel.FileTree.Attribute;

/** What /sys shows of mediated devices and their parents. */
final class MdevTree {
  private static final String BUS = "/sys/bus/mdev/";
  private static final String CLASS = "/sys/class/mdev_bus/";

  private final FileTree tree;
  private final SysTree sys;

  MdevTree(FileTree tree, SysTree sys) {
    this.tree = tree;
    this.sys = sys;
  }

  void addParent(MdevParent parent, String bus) {
    String name = parent.name();
    if (!bus.isEmpty()) {
      sys.link(parent.path() + "/subsystem", "/sys/bus/" + bus);
      sys.link("/sys/bus/" + bus + "/devices/" + name, parent.path());
    } else if (tree.folder(parent.path()).find("subsystem") == null) {
      String[] folders = parent.path().split("/");
      String classFolder = "/sys/class/" + folders[folders.length - 2];
      sys.link(parent.path() + "/subsystem", classFolder);
      sys.link(classFolder + "/" + name, parent.path());
    }
    tree.folder(BUS + "devices");
    tree.folder(BUS + "drivers/" + parent.driver().name());
    tree.folder(parent.path() + "/mdev_supported_types");
    sys.link(CLASS + name, parent.path());
  }

  /** The bus or the class of a parent. */
  String subsystem(MdevParent parent) {
    FileTree.Link link = (FileTree.Link) tree.folder(parent.path()).find("subsystem");
    return link.target().substring(link.target().lastIndexOf('/') + 1);
  }

  void removeClassLink(MdevParent parent) {
    tree.remove(CLASS + parent.name());
  }

  void removeParent(MdevParent parent) {
    tree.remove(parent.path() + "/mdev_supported_types");
  }

  void addType(MdevType type, ToIntFunction<byte[]> create) {
    String folder = type.path();
    tree.add(folder + "/create", new Attribute(null, create));
    tree.add(folder + "/device_api", text(type.parent().driver()::deviceApi));
    tree.add(folder + "/name", text(type.type()::prettyName));
    tree.add(folder + "/available_instances", text(() -> Integer.toString(type.available())));
    if (!type.type().description().isEmpty()) {
      tree.add(folder + "/description", text(type.type()::description));
    }
    tree.folder(folder + "/devices");
  }

  private static Attribute text(Supplier<String> content) {
    return Attribute.of(() -> content.get() + "\n");
  }

  /** What is there once a driver is bound, without what VFIO adds. */
  void addDevice(MdevDevice device, ToIntFunction<byte[]> remove) {
    String folder = device.path();
    String driver = device.type().parent().driver().name();
    tree.add(folder + "/remove", new Attribute(null, remove));
    tree.add(folder + "/uevent", Attribute.of("DRIVER=" + driver + "\n"));
    tree.add(folder + "/power/control", Attribute.of("auto\n"));
    tree.add(folder + "/power/runtime_status", Attribute.of("unsupported\n"));
    sys.link(folder + "/subsystem", "/sys/bus/mdev");
    sys.link(BUS + "devices/" + device.name(), folder);
    sys.link(folder + "/driver", BUS + "drivers/" + driver);
    sys.link(BUS + "drivers/" + driver + "/" + device.name(), folder);
    for (Map.Entry<String, MediatedAttribute> entry : device.model().attributes().entrySet()) {
      tree.add(folder + "/" + entry.getKey(), attribute(entry.getValue()));
    }
  }

  private static Attribute attribute(MediatedAttribute attribute) {
    Supplier<String> show = attribute.show();
    Function<String, Result<Integer>> store = attribute.store();
    return new Attribute(
        show == null ? null : () -> show.get().getBytes(StandardCharsets.UTF_8),
        store == null
            ? null
            : written -> {
              Result<Integer> taken = store.apply(new String(written, StandardCharsets.UTF_8));
              return taken.isOk() ? taken.value() : (int) taken.code();
            });
  }

  void addTypeLinks(MdevDevice device) {
    sys.link(device.type().path() + "/devices/" + device.name(), device.path());
    sys.link(device.path() + "/mdev_type", device.type().path());
  }

  /** device_remove_file_self(): from here on nobody else removes it. */
  void removeRemove(MdevDevice device) {
    tree.remove(device.path() + "/remove");
  }

  /** What goes before the driver lets the device go, which may take long. */
  void removeLinks(MdevDevice device) {
    tree.remove(device.path() + "/mdev_type");
    tree.remove(device.type().path() + "/devices/" + device.name());
    tree.remove(device.path() + "/remove");
    tree.remove(device.path() + "/uevent");
    tree.remove(BUS + "devices/" + device.name());
  }

  void removeDevice(MdevDevice device) {
    String driver = device.type().parent().driver().name();
    tree.remove(BUS + "drivers/" + driver + "/" + device.name());
    tree.remove(device.path());
  }
}
