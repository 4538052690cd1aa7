// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import java.util.List;
import java.util.Optional;
import org.vfio4j.Errno;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;

/**
 * Every system call that this project makes: the seam between the library and Linux.
 *
 * <p>All else is written against this interface, so that the same program runs on the real kernel
 * ({@link #host()}), on the fake one of the testkit, through the bridge, and under a tracer.
 *
 * <p>Calls have the meaning of the system call of the same name and return what it returns, or the
 * negative errno where it fails; nothing here throws for what the kernel refuses. Callers who want
 * exceptions, lifetimes and types use the classes above this one.
 *
 * <p>Implementations are thread safe. Calls that return a number allocate nothing on the Java heap
 * on the host, but for {@link #open} and {@link #writeFile}.
 */
public interface Kernel {
  /** The kernel under this JVM, with its file systems where Linux has them. */
  static Kernel host() {
    return host(Roots.DEFAULT);
  }

  /** The kernel under this JVM, with its file systems under the given roots. */
  static Kernel host(Roots roots) {
    return new HostKernel(roots);
  }

  /** Where this kernel's file systems are. */
  Roots roots();

  /** In bytes. */
  int pageSize();

  /**
   * open(2). The descriptor is closed on exec.
   *
   * @param path absolute
   * @param flags {@code O_} flags of {@link Linux}
   * @return the descriptor or the negative errno
   */
  int open(String path, int flags);

  /** close(2). Not to be repeated after EINTR: Linux has closed the descriptor then. */
  int close(int fd);

  /** fcntl(2) F_DUPFD_CLOEXEC: a second descriptor of the same open file. */
  int dup(int fd);

  /**
   * ioctl(2) with a number for an argument.
   *
   * @return what the ioctl returns, 0 or more, or the negative errno
   */
  int ioctl(int fd, int request, long argument);

  /** ioctl(2) with a pointer to {@code argument}, which the kernel may read and write. */
  int ioctl(int fd, int request, NativeBlock argument);

  /** read(2) of at most {@code length} bytes to the start of {@code target}. */
  long read(int fd, NativeBlock target, int length);

  /** write(2) of {@code length} bytes from the start of {@code source}. */
  long write(int fd, NativeBlock source, int length);

  /** pread(2) of at most {@code length} bytes to the start of {@code target}. */
  long pread(int fd, NativeBlock target, int length, long offset);

  /** pwrite(2) of {@code length} bytes from the start of {@code source}. */
  long pwrite(int fd, NativeBlock source, int length, long offset);

  /**
   * mmap(2) at an address that the kernel chooses.
   *
   * @param fd -1 with {@code MAP_ANONYMOUS}
   * @param offset in bytes, a multiple of the page size
   * @param length in bytes; may exceed 2 GiB
   * @param protection {@code PROT_} flags of {@link Linux}, {@code PROT_READ} or {@code PROT_WRITE}
   *     among them; without {@code PROT_WRITE} every write to the memory throws
   * @param flags {@code MAP_} flags of {@link Linux}, without {@code MAP_FIXED}
   */
  Result<MappedMemory> mmap(int fd, long offset, long length, int protection, int flags);

  /**
   * munmap(2) of the whole of what {@link #mmap} gave: every access to it throws from here on, and
   * the file behind it is let go. 0 when it was unmapped before.
   */
  int munmap(MappedMemory memory);

  /** eventfd(2). {@code flags}: {@code EFD_} flags of {@link Linux}. */
  int eventfd(int initial, int flags);

  /**
   * socket(2) and bind(2): a netlink socket that gets the uevents of the kernel. Each read(2) gives
   * one, {@code ACTION@DEVPATH} and then lines {@code KEY=value}, each of them ended by a NUL; it
   * does not wait but fails with EAGAIN, and with ENOBUFS where uevents were lost.
   *
   * @return the descriptor or the negative errno; EOPNOTSUPP from a kernel that has none to give
   */
  default int uevents() {
    return Errno.EOPNOTSUPP.result();
  }

  /**
   * poll(2).
   *
   * @param fds {@code count} times {@code struct pollfd}: see {@link PollSet}
   * @param timeoutMillis -1 waits for ever
   * @return how many descriptors have events, 0 after the timeout, or the negative errno
   */
  int poll(NativeBlock fds, int count, int timeoutMillis);

  /** The whole content of a file of /sys or /proc; EFBIG where it is over 64 MiB or has no end. */
  Result<byte[]> readFile(String path);

  /**
   * Writes {@code content} to an existing file of /sys or /proc, in one write(2), as attributes
   * need it.
   *
   * @return the number of bytes written, or the negative errno
   */
  int writeFile(String path, byte[] content);

  /** readlink(2): the target as the link has it. */
  Result<String> readLink(String path);

  /** The names in a folder, sorted, without {@code .} and {@code ..}. */
  Result<List<String>> list(String path);

  /**
   * Why this thread's last call was answered as it was, where that was not decided by Linux but by
   * a layer over it: the bridge. Linux itself has nothing to add to its errno.
   */
  default Optional<Explanation> explanation() {
    return Optional.empty();
  }
}
