// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Who has a file open: what EBUSY does not say. */
public final class FileHolders {
  private static final Pattern PID = Pattern.compile("[0-9]{1,9}");

  private FileHolders() {}

  /**
   * A process that has the file open.
   *
   * @param name as in {@code /proc/PID/comm}, with {@code ?} for control characters
   */
  public record Holder(int pid, String name) {
    @Override
    public String toString() {
      return "process " + pid + " (" + name + ")";
    }
  }

  /** The processes that have {@code path} open, as far as this process may look. */
  public static List<Holder> of(Kernel kernel, String path) {
    List<Holder> holders = new ArrayList<>();
    for (String entry : kernel.list(kernel.roots().proc("")).orElse(List.of())) {
      if (PID.matcher(entry).matches() && holds(kernel, entry, path)) {
        byte[] name = kernel.readFile(kernel.roots().proc(entry + "/comm")).orElse(new byte[0]);
        holders.add(new Holder(Integer.parseInt(entry), printable(name)));
      }
    }
    return List.copyOf(holders);
  }

  /** For the fact of a message: {@code /dev/vfio/10 is held by process 812 (qemu)}. */
  public static String describe(Kernel kernel, String path) {
    List<Holder> holders = of(kernel, path);
    return holders.isEmpty()
        ? "no process that this one may look into has " + path + " open"
        : path
            + " is held by "
            + holders.stream().map(Holder::toString).collect(Collectors.joining(", "));
  }

  /** Any process may call itself anything: it must not write lines of its own into messages. */
  private static String printable(byte[] name) {
    return new String(name, StandardCharsets.UTF_8).strip().replaceAll("\\p{Cntrl}", "?");
  }

  private static boolean holds(Kernel kernel, String pid, String path) {
    String folder = kernel.roots().proc(pid + "/fd");
    for (String fd : kernel.list(folder).orElse(List.of())) {
      if (path.equals(kernel.readLink(folder + "/" + fd).orElse(""))) {
        return true;
      }
    }
    return false;
  }
}
