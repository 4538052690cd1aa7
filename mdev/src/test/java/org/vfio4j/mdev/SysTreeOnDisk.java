// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.mdev;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Roots;

/** What looks like the sysfs of a machine with mediated devices, in a folder of the test. */
final class SysTreeOnDisk {
  static final String PARENT = "devices/virtual/mtty/mtty";
  static final String TYPE = PARENT + "/mdev_supported_types/mtty-1";

  private final Path sys;

  SysTreeOnDisk(Path folder) {
    sys = folder.resolve("sys");
    file(TYPE + "/create", "");
    file(TYPE + "/device_api", "vfio-pci\n");
    file(TYPE + "/name", "Single port serial\n");
    file(TYPE + "/available_instances", "24\n");
    folder("bus/mdev/devices");
    link("class/mdev_bus/mtty", "../../" + PARENT);
    folder("class/mtty");
    link(PARENT + "/subsystem", "../../../../class/mtty");
  }

  Kernel kernel() {
    return Kernel.host(new Roots(sys.toString(), sys.resolveSibling("dev").toString(), "/proc"));
  }

  MdevBus bus() {
    return MdevBus.of(kernel());
  }

  Path sys() {
    return sys;
  }

  /** As the kernel does for a write to create, which this folder does not. */
  void device(String uuid) {
    file(PARENT + "/" + uuid + "/remove", "");
    file(PARENT + "/" + uuid + "/vendor/speed", "9600\n");
    link(PARENT + "/" + uuid + "/mdev_type", "../mdev_supported_types/mtty-1");
    link("bus/mdev/devices/" + uuid, "../../../" + PARENT + "/" + uuid);
  }

  void file(String path, String content) {
    try {
      Files.createDirectories(sys.resolve(path).getParent());
      Files.writeString(sys.resolve(path), content);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void folder(String path) {
    try {
      Files.createDirectories(sys.resolve(path));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void link(String path, String target) {
    try {
      Files.createDirectories(sys.resolve(path).getParent());
      Files.createSymbolicLink(sys.resolve(path), Path.of(target));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
