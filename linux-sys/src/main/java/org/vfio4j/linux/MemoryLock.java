// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import java.nio.charset.StandardCharsets;
import org.vfio4j.Units;

/**
 * How much memory this process may lock, which is what mapping memory for a device does.
 *
 * @param limit RLIMIT_MEMLOCK in bytes; {@link Long#MAX_VALUE} for none, -1 when it cannot be read
 * @param locked bytes counted against it by this process ({@code VmLck}), as type1 counts
 * @param pinned bytes pinned for this process ({@code VmPin}), as iommufd shows them
 * @param unlimited whether CAP_IPC_LOCK lifts the limit
 */
public record MemoryLock(long limit, long locked, long pinned, boolean unlimited) {
  private static final int CAP_IPC_LOCK = 14;
  private static final String LIMIT_LINE = "Max locked memory";

  /** As {@code /proc/self} shows it now. */
  public static MemoryLock read(Kernel kernel) {
    String limits = text(kernel, "self/limits");
    String status = text(kernel, "self/status");
    String capabilities = field(status, "CapEff:", "0");
    return new MemoryLock(
        limit(limits),
        kibibytes(status, "VmLck:"),
        kibibytes(status, "VmPin:"),
        capabilities.matches("[0-9a-f]{1,16}")
            && (Long.parseUnsignedLong(capabilities, 16) >> CAP_IPC_LOCK & 1) != 0);
  }

  /** For the fact of a message about a map that needs {@code bytes} more. */
  public String describe(long bytes) {
    if (unlimited) {
      return "the process has CAP_IPC_LOCK, so that RLIMIT_MEMLOCK does not count: the kernel is out"
          + " of memory";
    }
    if (limit < 0) {
      return Units.bytes(bytes) + " needed, and RLIMIT_MEMLOCK cannot be read from /proc";
    }
    return "RLIMIT_MEMLOCK is "
        + (limit == Long.MAX_VALUE ? "unlimited" : Units.bytes(limit))
        + ", "
        + Units.bytes(Math.max(locked, pinned))
        + " of it in use by this process, "
        + Units.bytes(bytes)
        + " needed";
  }

  private static long limit(String limits) {
    String soft = field(limits, LIMIT_LINE, "");
    return soft.equals("unlimited") ? Long.MAX_VALUE : number(soft, -1);
  }

  private static long kibibytes(String status, String key) {
    return number(field(status, key, ""), 0) * 1024;
  }

  private static long number(String digits, long otherwise) {
    return digits.matches("[0-9]{1,15}") ? Long.parseLong(digits) : otherwise;
  }

  /** The first word after {@code key}. */
  private static String field(String text, String key, String otherwise) {
    return text.lines()
        .filter(line -> line.startsWith(key))
        .map(line -> line.substring(key.length()).strip().split("\\s+")[0])
        .findFirst()
        .orElse(otherwise);
  }

  private static String text(Kernel kernel, String path) {
    byte[] content = kernel.readFile(kernel.roots().proc(path)).orElse(new byte[0]);
    return new String(content, StandardCharsets.UTF_8);
  }
}
