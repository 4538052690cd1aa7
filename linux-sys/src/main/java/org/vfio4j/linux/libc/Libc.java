// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux.libc;

import java.nio.ByteBuffer;

/**
 * The functions of the C library that this project calls, with raw addresses.
 *
 * <p>Every function returns what the system call returns, and the negative error number where it
 * fails: {@code errno} is read once, by the implementation, on the thread that made the call.
 *
 * <p>Thread safe. Nothing here allocates on the Java heap but {@link #bytesAt} and calls that take
 * a path.
 */
public interface Libc {
  /** {@code path} ends with a NUL byte. */
  int open(byte[] path, int flags, int mode);

  int close(int fd);

  /** A new descriptor for the same open file, closed on exec. */
  int duplicate(int fd);

  int ioctl(int fd, int request, long argument);

  long read(int fd, long address, long length);

  long write(int fd, long address, long length);

  long pread(int fd, long address, long length, long offset);

  long pwrite(int fd, long address, long length, long offset);

  /** {@code path} ends with a NUL byte. Returns the length of the target, not NUL ended. */
  long readlink(byte[] path, long address, long length);

  /** Fills {@code address} with {@code struct linux_dirent64} entries; 0 at the end. */
  long getdents64(int fd, long address, long length);

  long mmap(long address, long length, int protection, int flags, int fd, long offset);

  int munmap(long address, long length);

  int eventfd(int initial, int flags);

  int socket(int domain, int type, int protocol);

  int bind(int fd, long address, int length);

  int poll(long address, long count, int timeoutMillis);

  int pageSize();

  /** The address of the first byte of a direct buffer. */
  long addressOf(ByteBuffer direct);

  /**
   * The memory at {@code address} as a buffer of at most 2 GiB - 1 bytes, in native byte order. The
   * buffer does not keep the memory alive.
   */
  ByteBuffer bytesAt(long address, int length);
}
