// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.mdev;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Result;

/**
 * sysfs, and nothing beside it: links are followed here, and one that leads out of the root is
 * refused.
 */
final class Sysfs {
  private static final int MOST_LINKS = 40;

  private final Kernel kernel;

  Sysfs(Kernel kernel) {
    this.kernel = kernel;
  }

  Kernel kernel() {
    return kernel;
  }

  /**
   * Where {@code path}, relative to the root, leads: an absolute path without links. Empty where
   * there is nothing.
   *
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT}) when it leads out of the root
   */
  Optional<String> resolve(String path) {
    String root = kernel.roots().sys();
    Deque<String> left = new ArrayDeque<>(List.of(path.split("/")));
    List<String> way = new ArrayList<>();
    int links = 0;
    while (!left.isEmpty()) {
      String name = left.pop();
      if (name.isEmpty() || name.equals(".")) {
        continue;
      }
      if (name.equals("..")) {
        if (way.isEmpty()) {
          throw leadsOut(path);
        }
        way.remove(way.size() - 1);
        continue;
      }
      way.add(name);
      Result<String> link = kernel.readLink(join(root, way));
      if (link.isOk()) {
        String target = link.value();
        way.remove(way.size() - 1);
        if (target.startsWith("/")) {
          if (!target.startsWith(root + "/")) {
            throw leadsOut(path);
          }
          target = target.substring(root.length());
          way.clear();
        }
        links++;
        if (links > MOST_LINKS) {
          throw leadsOut(path);
        }
        String[] parts = target.split("/");
        for (int i = parts.length - 1; i >= 0; i--) {
          left.push(parts[i]);
        }
      } else if (!Errno.EINVAL.is(link.code())) {
        refuseLimit(link, path);
        return Optional.empty();
      }
    }
    return Optional.of(join(root, way));
  }

  private static String join(String root, List<String> way) {
    return way.isEmpty() ? root : root + "/" + String.join("/", way);
  }

  private VfioException leadsOut(String path) {
    return VfioException.failed(Reason.INVALID_ARGUMENT, "follow")
        .on("of the links in " + kernel.roots().sys(path))
        .fact("they lead out of " + kernel.roots().sys() + ", or in a circle")
        .hint("is " + kernel.roots().sys() + " a sysfs, and all of it?")
        .build();
  }

  /** What is below the root: the reverse of what {@link #resolve} gives. */
  String relative(String resolved) {
    return resolved.substring(kernel.roots().sys().length() + 1);
  }

  /** The content of a file without the white space around it; empty where there is none. */
  Optional<String> text(String resolved) {
    Result<byte[]> content = kernel.readFile(resolved);
    refuseLimit(content, resolved);
    return content.isOk()
        ? Optional.of(new String(content.value(), StandardCharsets.UTF_8).strip())
        : Optional.empty();
  }

  /** The names in a folder; empty where there is none. */
  List<String> list(String resolved) {
    Result<List<String>> names = kernel.list(resolved);
    refuseLimit(names, resolved);
    return names.orElse(List.of());
  }

  boolean isFolder(String resolved) {
    return kernel.list(resolved).isOk();
  }

  boolean isLink(String resolved) {
    return kernel.readLink(resolved).isOk();
  }

  /** A process without descriptors cannot look: nothing may pass for absent then. */
  private static void refuseLimit(Result<?> result, String file) {
    if (Errno.EMFILE.is(result.code()) || Errno.ENFILE.is(result.code())) {
      throw VfioException.failed(Reason.LIMIT, "read")
          .on("of " + file)
          .errno(result.errno())
          .fact("the process or the machine has no file descriptor left")
          .hint("see ulimit -n, and close what is no longer used")
          .build();
    }
  }
}
