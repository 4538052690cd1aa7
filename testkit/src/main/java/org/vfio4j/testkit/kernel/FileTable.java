// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.List;
import org.vfio4j.Errno;

/** The file descriptors of the process: numbers for open files, the lowest free one first. */
final class FileTable {
  private static final int LIMIT = 1 << 20;

  private final List<OpenFile> files = new ArrayList<>();

  int add(OpenFile file) {
    file.hold();
    for (int fd = 0; fd < files.size(); fd++) {
      if (files.get(fd) == null) {
        files.set(fd, file);
        return fd;
      }
    }
    if (files.size() == LIMIT) {
      file.drop();
      throw KernelError.of(Errno.EMFILE);
    }
    files.add(file);
    return files.size() - 1;
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
