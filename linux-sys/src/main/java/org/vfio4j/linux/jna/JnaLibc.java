// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux.jna;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.vfio4j.linux.libc.Libc;

/**
 * The C library through JNA's direct mapping.
 *
 * <p>Direct mapping with primitive arguments costs a fraction of what an interface mapping, a
 * {@code Structure} or {@code LastErrorException} costs, and allocates nothing (the figures are in
 * {@code docs/architecture.md}). {@code errno} is read only after a failure.
 */
public final class JnaLibc implements Libc {
  private static final int F_DUPFD_CLOEXEC = 1030;

  @Override
  public int open(byte[] path, int flags, int mode) {
    return result(Functions.open(path, flags, mode));
  }

  @Override
  public int close(int fd) {
    return result(Functions.close(fd));
  }

  @Override
  public int duplicate(int fd) {
    return result(Functions.fcntl(fd, F_DUPFD_CLOEXEC, 0));
  }

  @Override
  public int ioctl(int fd, int request, long argument) {
    // The C library takes an unsigned long; the numbers used here all fit in 31 bits.
    return result(Functions.ioctl(fd, request, argument));
  }

  @Override
  public long read(int fd, long address, long length) {
    return result(Functions.read(fd, address, length));
  }

  @Override
  public long write(int fd, long address, long length) {
    return result(Functions.write(fd, address, length));
  }

  @Override
  public long pread(int fd, long address, long length, long offset) {
    return result(Functions.pread(fd, address, length, offset));
  }

  @Override
  public long pwrite(int fd, long address, long length, long offset) {
    return result(Functions.pwrite(fd, address, length, offset));
  }

  @Override
  public long readlink(byte[] path, long address, long length) {
    return result(Functions.readlink(path, address, length));
  }

  @Override
  public long getdents64(int fd, long address, long length) {
    return result(Functions.getdents64(fd, address, length));
  }

  @Override
  public long mmap(long address, long length, int protection, int flags, int fd, long offset) {
    return result(Functions.mmap(address, length, protection, flags, fd, offset));
  }

  @Override
  public int munmap(long address, long length) {
    return result(Functions.munmap(address, length));
  }

  @Override
  public int eventfd(int initial, int flags) {
    return result(Functions.eventfd(initial, flags));
  }

  @Override
  public int socket(int domain, int type, int protocol) {
    return result(Functions.socket(domain, type, protocol));
  }

  @Override
  public int bind(int fd, long address, int length) {
    return result(Functions.bind(fd, address, length));
  }

  @Override
  public int poll(long address, long count, int timeoutMillis) {
    return result(Functions.poll(address, count, timeoutMillis));
  }

  @Override
  public int pageSize() {
    return Functions.getpagesize();
  }

  @Override
  public long addressOf(ByteBuffer direct) {
    return Pointer.nativeValue(Native.getDirectBufferPointer(direct));
  }

  @Override
  public ByteBuffer bytesAt(long address, int length) {
    return new Pointer(address).getByteBuffer(0, length).order(ByteOrder.nativeOrder());
  }

  private static int result(int returned) {
    return returned >= 0 ? returned : -Native.getLastError();
  }

  private static long result(long returned) {
    // -1 and not "negative": an address may have its top bit set.
    return returned != -1 ? returned : -Native.getLastError();
  }

  /** Bound to the C library once, when first used. */
  private static final class Functions {
    static {
      Native.register(Functions.class, "c");
    }

    static native int open(byte[] path, int flags, int mode);

    static native int close(int fd);

    static native int fcntl(int fd, int command, long argument);

    static native int ioctl(int fd, long request, long argument);

    static native long read(int fd, long address, long length);

    static native long write(int fd, long address, long length);

    static native long pread(int fd, long address, long length, long offset);

    static native long pwrite(int fd, long address, long length, long offset);

    static native long readlink(byte[] path, long address, long length);

    static native long getdents64(int fd, long address, long length);

    static native long mmap(
        long address, long length, int protection, int flags, int fd, long offset);

    static native int munmap(long address, long length);

    static native int eventfd(int initial, int flags);

    static native int socket(int domain, int type, int protocol);

    static native int bind(int fd, long address, int length);

    static native int poll(long address, long count, int timeoutMillis);

    static native int getpagesize();
  }
}
