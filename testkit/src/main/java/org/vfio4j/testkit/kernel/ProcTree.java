// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.List;
import java.util.Locale;
import org.vfio4j.testkit.kernel.FileTree.Attribute;
import org.vfio4j.testkit.kernel.FileTree.Folder;
import org.vfio4j.testkit.kernel.FileTree.Link;
import org.vfio4j.testkit.kernel.FileTree.Node;
import org.vfio4j.testkit.kernel.FileTree.Special;
import org.vfio4j.testkit.machine.Machine.Capability;

/** What /proc shows of the process: its limits, its memory, its open files. */
final class ProcTree {
  private static final int KIB = 1024;

  private final Core core;

  ProcTree(Core core, FileTree tree) {
    this.core = core;
    String self = "/proc/" + ProcessHandle.current().pid();
    tree.addLink("/proc/self", self.substring(self.lastIndexOf('/') + 1));
    tree.add(self + "/comm", Attribute.of("java\n"));
    tree.add(self + "/limits", Attribute.of(this::limits));
    tree.add(self + "/status", Attribute.of(this::status));
    tree.add(self + "/maps", Attribute.of(this::maps));
    tree.add(self + "/mem", new Special(() -> new MemFile(core.memory())));
    tree.add(self + "/fd", new FdFolder(core));
  }

  private String limits() {
    long memlock = core.machine().memlock();
    String limit = memlock == Long.MAX_VALUE ? "unlimited" : Long.toString(memlock);
    return limit("Limit", "Soft Limit", "Hard Limit", "Units")
        + limit(
            "Max open files",
            core.machine().openFiles() + "",
            core.machine().openFiles() + "",
            "files")
        + limit("Max locked memory", limit, limit, "bytes");
  }

  private static String limit(String name, String soft, String hard, String unit) {
    return String.format("%-25s %-20s %-20s %-10s%n", name, soft, hard, unit);
  }

  private String status() {
    long capabilities = 0;
    for (Capability capability : Capability.values()) {
      if (core.machine().has(capability)) {
        capabilities |= 1L << capability.bit();
      }
    }
    UserMemory memory = core.memory();
    return "Name:\tjava\n"
        + kib("VmSize", memory.mappedBytes())
        + kib("VmLck", memory.lockedBytes())
        + kib("VmPin", memory.pinnedBytes())
        + String.format("CapEff:\t%016x%n", capabilities);
  }

  private static String kib(String key, long bytes) {
    return String.format(Locale.ROOT, "%s:\t%8d kB%n", key, bytes / KIB);
  }

  private String maps() {
    StringBuilder maps = new StringBuilder();
    for (DeviceMemory mapping : core.deviceMappings()) {
      maps.append(
          String.format(
              "%x-%x rw-s 00000000 00:00 0 %s%n",
              mapping.address(), mapping.address() + mapping.size(), mapping.file().name()));
    }
    return maps.toString();
  }

  /** A link for each descriptor. */
  private static final class FdFolder extends Folder {
    private final Core core;

    FdFolder(Core core) {
      this.core = core;
    }

    @Override
    List<String> names() {
      return core.files().open().stream().map(String::valueOf).toList();
    }

    @Override
    Node find(String name) {
      boolean number = name.matches("[0-9]{1,9}");
      OpenFile file = number ? core.files().find(Integer.parseInt(name)) : null;
      return file == null ? null : new Link(file.name());
    }
  }
}
