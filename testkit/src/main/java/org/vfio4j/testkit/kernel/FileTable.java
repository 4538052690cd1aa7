// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.IntConsumer;
import org.vfio4j.Errno;
import org.vfio4j.testkit.machine.Held;

/** The file descriptors of the process: numbers for open files, the lowest free one first. */
final class FileTable {
  private final List<OpenFile> files = new ArrayList<>();

  /** Those of the descriptors, and those that mappings or calls keep, each once. */
  private final Set<OpenFile> existing = new HashSet<>();

  private final int limit;
  private final int systemLimit;
  private final Origins origins;

  /**
   * @param limit RLIMIT_NOFILE: every descriptor is below it
   * @param systemLimit how many files there may be
   */
  FileTable(int limit, int systemLimit, Origins origins) {
    this.limit = limit;
    this.systemLimit = systemLimit;
    this.origins = origins;
  }

  /** EMFILE where no number is left, which is the first that is asked for. */
  void refuseIfFull() {
    KernelError.refuseIf(lowestFree() >= limit, Errno.EMFILE);
  }

  /** ENFILE where there may not be another file, before it is known which it would be. */
  void refuseIfSystemFull() {
    existing.removeIf(file -> !file.isOpen());
    KernelError.refuseIf(existing.size() >= systemLimit, Errno.ENFILE);
  }

  /** As {@link #add(OpenFile)}; takes the number back where the process cannot be told. */
  int add(OpenFile file, IntConsumer tell) {
    int fd = add(file);
    KernelError.orUndo(() -> tell.accept(fd), () -> close(fd));
    return fd;
  }

  /** Another number for a file, or the first for a new one. */
  int add(OpenFile file) {
    file.hold();
    KernelError.orUndo(
        () -> {
          refuseIfFull();
          if (!existing.contains(file)) {
            refuseIfSystemFull();
          }
        },
        file::drop);
    existing.add(file);
    int fd = lowestFree();
    if (fd == files.size()) {
      files.add(file);
    } else {
      files.set(fd, file);
    }
    origins.taken(fd);
    return fd;
  }

  private int lowestFree() {
    for (int fd = 0; fd < files.size(); fd++) {
      if (files.get(fd) == null) {
        return fd;
      }
    }
    return files.size();
  }

  static String describe(int fd, OpenFile file) {
    return "fd " + fd + ", " + file.name();
  }

  OpenFile get(int fd) {
    OpenFile file = find(fd);
    KernelError.refuseIf(file == null, Errno.EBADF);
    return file;
  }

  /** Null where there is none. */
  OpenFile find(int fd) {
    return fd >= 0 && fd < files.size() ? files.get(fd) : null;
  }

  void close(int fd) {
    OpenFile file = get(fd);
    files.set(fd, null);
    origins.given(fd, Held.Kind.DESCRIPTOR, describe(fd, file));
    file.drop();
  }

  /** The descriptors that are open, ascending. */
  List<Integer> open() {
    List<Integer> open = new ArrayList<>();
    for (int fd = 0; fd < files.size(); fd++) {
      if (files.get(fd) != null) {
        open.add(fd);
      }
    }
    return open;
  }
}
