// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.MemoryLock;

/**
 * What this process holds of the machine.
 *
 * @param fds what the open file descriptors refer to, sorted
 * @param deviceMappings lines of the memory map that belong to devices
 * @param locked bytes that type1 counts as locked
 * @param pinned bytes that iommufd counts as pinned
 * @param threads the names of the Java threads, sorted
 */
record ProcessState(
    List<String> fds, List<String> deviceMappings, long locked, long pinned, List<String> threads) {
  private static final Kernel KERNEL = Lab.KERNEL;

  /** Threads that the JVM starts and ends as it likes. */
  private static final Set<String> OF_THE_JVM =
      Set.of("Common-Cleaner", "Attach Listener", "process reaper");

  static ProcessState now() {
    MemoryLock lock = MemoryLock.read(KERNEL);
    return new ProcessState(openFiles(), mappings(), lock.locked(), lock.pinned(), threadNames());
  }

  /** How many file descriptors are open. */
  static int countFds() {
    // One of them lists.
    return KERNEL.list(KERNEL.roots().proc("self/fd")).value().size() - 1;
  }

  /** The address space of this process in bytes; the JVM's own part of it varies by some MiB. */
  static long addressSpace() {
    String status = text("self/status");
    return status
        .lines()
        .filter(line -> line.startsWith("VmSize:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024)
        .findFirst()
        .orElseThrow();
  }

  /** Holds exactly what it held at {@code before}. */
  void assertSameAs(ProcessState before) {
    assertThat(fds).as("file descriptors").isEqualTo(before.fds);
    assertThat(deviceMappings).as("mappings").isEqualTo(before.deviceMappings);
    assertThat(locked).as("VmLck").isEqualTo(before.locked);
    assertThat(pinned).as("VmPin").isEqualTo(before.pinned);
    assertThat(threads).as("Java threads").isEqualTo(before.threads);
  }

  private static List<String> openFiles() {
    String folder = KERNEL.roots().proc("self/fd");
    // The one that lists the folder is gone when its link is read.
    return KERNEL.list(folder).value().stream()
        .map(fd -> KERNEL.readLink(folder + "/" + fd).orElse(""))
        .filter(target -> !target.isEmpty())
        .sorted()
        .toList();
  }

  private static List<String> mappings() {
    return text("self/maps")
        .lines()
        .filter(line -> line.contains("vfio-device") || line.contains("/dev/vfio"))
        .toList();
  }

  private static List<String> threadNames() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .filter(name -> !OF_THE_JVM.contains(name))
        .sorted()
        .collect(Collectors.toList());
  }

  private static String text(String path) {
    return new String(KERNEL.readFile(KERNEL.roots().proc(path)).value(), StandardCharsets.UTF_8);
  }
}
