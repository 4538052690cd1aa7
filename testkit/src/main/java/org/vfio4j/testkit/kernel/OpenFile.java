// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;
import org.vfio4j.linux.Linux;
import org.vfio4j.memory.MappedMemory;

/**
 * An open file: what one or more descriptors, mappings and calls underway refer to.
 *
 * <p>What a kind of file does not have fails as in Linux.
 */
abstract class OpenFile {
  private static final int READ = 1;
  private static final int WRITE = 2;

  private final String name;
  private int access = READ | WRITE;
  private int references;

  /**
   * @param name what the link in {@code /proc/self/fd} shows
   */
  OpenFile(String name) {
    this.name = name;
  }

  final String name() {
    return name;
  }

  /** OPEN_FMODE(): by the flags of open(); without, as for files that calls make, both. */
  final void openedWith(int flags) {
    access = (flags + 1) & (READ | WRITE);
  }

  final boolean isReadable() {
    return (access & READ) != 0;
  }

  final boolean isWritable() {
    return (access & WRITE) != 0;
  }

  final boolean isOpen() {
    return references > 0;
  }

  final void hold() {
    references++;
  }

  final void drop() {
    references--;
    if (references == 0) {
      release();
    }
  }

  int ioctl(int request, UserPointer argument) {
    throw KernelError.of(Errno.ENOTTY);
  }

  /** At the position of the file. */
  long read(UserPointer target, int length) {
    throw KernelError.of(Errno.EINVAL);
  }

  long write(UserPointer source, int length) {
    throw KernelError.of(Errno.EINVAL);
  }

  long pread(UserPointer target, int length, long offset) {
    throw KernelError.of(Errno.ESPIPE);
  }

  long pwrite(UserPointer source, int length, long offset) {
    throw KernelError.of(Errno.ESPIPE);
  }

  MappedMemory mmap(long offset, long length, int protection, int flags) {
    throw KernelError.of(Errno.ENODEV);
  }

  /** The events of poll that are there now. */
  int ready() {
    return Linux.POLLIN | Linux.POLLOUT;
  }

  /** The last reference is gone. */
  void release() {}
}
