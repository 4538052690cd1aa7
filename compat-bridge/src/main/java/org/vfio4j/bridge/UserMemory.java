// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import org.vfio4j.Errno;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;
import org.vfio4j.memory.NativeBlock;

/**
 * The memory of this process at an address that a caller gave: what copy_from_user and copy_to_user
 * are inside Linux. An address that is wrong must fail, and not end the JVM; so the kernel below
 * reads and writes it, through the file that stands for this process' memory.
 */
final class UserMemory {
  private final Kernel below;

  UserMemory(Kernel below) {
    this.below = below;
  }

  /** Fills {@code target} from an address on; EFAULT when a part of it is not there. */
  int read(long address, NativeBlock target) {
    if (target.capacity() == 0) {
      return 0;
    }
    int fd = open(Linux.O_RDONLY);
    if (fd < 0) {
      return fd;
    }
    long count = address < 0 ? -1 : below.pread(fd, target, target.capacity(), address);
    below.close(fd);
    return count == target.capacity() ? 0 : Errno.EFAULT.result();
  }

  /** Writes all of {@code source} to an address; EFAULT when a part of it is not there. */
  int write(long address, NativeBlock source) {
    if (source.capacity() == 0) {
      return 0;
    }
    int fd = open(Linux.O_RDWR);
    if (fd < 0) {
      return fd;
    }
    long count = address < 0 ? -1 : below.pwrite(fd, source, source.capacity(), address);
    below.close(fd);
    return count == source.capacity() ? 0 : Errno.EFAULT.result();
  }

  private int open(int mode) {
    int fd = below.open(below.roots().proc("self/mem"), mode);
    return fd >= 0 || Errno.EMFILE.is(fd) || Errno.ENFILE.is(fd) ? fd : Errno.EFAULT.result();
  }
}
