// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import java.io.ByteArrayOutputStream;
import java.lang.ref.Reference;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.vfio4j.Errno;
import org.vfio4j.linux.libc.HostLibc;
import org.vfio4j.linux.libc.Libc;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;

/** The kernel under this JVM. */
final class HostKernel implements Kernel {
  private static final int SOCKADDR_NL = 12;
  private static final int CHUNK = 64 * 1024;
  private static final int PATH_MAX = 4096;

  /** No file of /sys or /proc comes near; one without an end must not fill the heap. */
  private static final int FILE_MAX = 64 * 1024 * 1024;

  // struct linux_dirent64
  private static final int D_RECLEN = 16;
  private static final int D_NAME = 19;

  /** The type of all ioctls of VFIO and iommufd. */
  private static final int IOCTL_TYPE = ';';

  /**
   * A bit of the number of an ioctl that says "no data" on powerpc: {@code _IOC_NONE}. Elsewhere
   * that is no bit at all, and so it is in the constants of this project.
   */
  private static final int NO_DATA = System.getProperty("os.arch").startsWith("ppc") ? 1 << 29 : 0;

  private final Libc libc = HostLibc.get();
  private final Roots roots;

  HostKernel(Roots roots) {
    this.roots = roots;
  }

  @Override
  public Roots roots() {
    return roots;
  }

  @Override
  public int pageSize() {
    return libc.pageSize();
  }

  @Override
  public int open(String path, int flags) {
    return libc.open(terminated(path), flags | Linux.O_CLOEXEC, 0);
  }

  @Override
  public int close(int fd) {
    return libc.close(fd);
  }

  @Override
  public int dup(int fd) {
    return libc.duplicate(fd);
  }

  @Override
  public int ioctl(int fd, int request, long argument) {
    return libc.ioctl(fd, number(request), argument);
  }

  @Override
  public int ioctl(int fd, int request, NativeBlock argument) {
    try {
      return libc.ioctl(fd, number(request), argument.address());
    } finally {
      Reference.reachabilityFence(argument);
    }
  }

  private static int number(int request) {
    return request >>> Byte.SIZE == IOCTL_TYPE ? request | NO_DATA : request;
  }

  @Override
  public long read(int fd, NativeBlock target, int length) {
    Objects.checkFromIndexSize(0, length, target.capacity());
    try {
      return libc.read(fd, target.address(), length);
    } finally {
      Reference.reachabilityFence(target);
    }
  }

  @Override
  public long write(int fd, NativeBlock source, int length) {
    Objects.checkFromIndexSize(0, length, source.capacity());
    try {
      return libc.write(fd, source.address(), length);
    } finally {
      Reference.reachabilityFence(source);
    }
  }

  @Override
  public long pread(int fd, NativeBlock target, int length, long offset) {
    Objects.checkFromIndexSize(0, length, target.capacity());
    try {
      return libc.pread(fd, target.address(), length, offset);
    } finally {
      Reference.reachabilityFence(target);
    }
  }

  @Override
  public long pwrite(int fd, NativeBlock source, int length, long offset) {
    Objects.checkFromIndexSize(0, length, source.capacity());
    try {
      return libc.pwrite(fd, source.address(), length, offset);
    } finally {
      Reference.reachabilityFence(source);
    }
  }

  @Override
  public Result<MappedMemory> mmap(int fd, long offset, long length, int protection, int flags) {
    if ((flags & Linux.MAP_FIXED) != 0) {
      // It would replace memory of the JVM.
      throw new IllegalArgumentException("MAP_FIXED");
    }
    if ((protection & (Linux.PROT_READ | Linux.PROT_WRITE)) == 0) {
      // Every access would be a SIGSEGV, which ends the JVM.
      throw new IllegalArgumentException("PROT_NONE");
    }
    long address = libc.mmap(0, length, protection, flags, fd, offset);
    if (address < 0) {
      return Result.failed(address);
    }
    String name = fd < 0 ? "anonymous memory" : "mapping of fd " + fd + " at " + offset;
    boolean writable = (protection & Linux.PROT_WRITE) != 0;
    return Result.of(new HostMemory(libc, address, length, name, writable));
  }

  @Override
  public int munmap(MappedMemory memory) {
    return memory instanceof HostMemory host ? host.unmap() : Errno.EINVAL.result();
  }

  @Override
  public int eventfd(int initial, int flags) {
    return libc.eventfd(initial, flags);
  }

  @Override
  public int uevents() {
    int fd =
        libc.socket(
            Linux.AF_NETLINK,
            Linux.SOCK_DGRAM | Linux.O_CLOEXEC | Linux.O_NONBLOCK,
            Linux.NETLINK_KOBJECT_UEVENT);
    if (fd < 0) {
      return fd;
    }
    // struct sockaddr_nl: family, padding, port, groups. The kernel sends to group 1.
    NativeBlock address = new NativeBlock(SOCKADDR_NL);
    address.putShort(0, (short) Linux.AF_NETLINK);
    address.putInt(SOCKADDR_NL - Integer.BYTES, 1);
    try {
      int result = libc.bind(fd, address.address(), SOCKADDR_NL);
      if (result < 0) {
        close(fd);
        return result;
      }
      return fd;
    } finally {
      Reference.reachabilityFence(address);
    }
  }

  @Override
  public int poll(NativeBlock fds, int count, int timeoutMillis) {
    Objects.checkFromIndexSize(0, count * PollSet.POLLFD_SIZE, fds.capacity());
    try {
      return libc.poll(fds.address(), count, timeoutMillis);
    } finally {
      Reference.reachabilityFence(fds);
    }
  }

  @Override
  public Result<byte[]> readFile(String path) {
    int fd = open(path, Linux.O_RDONLY);
    if (fd < 0) {
      return Result.failed(fd);
    }
    NativeBlock chunk = new NativeBlock(CHUNK);
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    try {
      while (true) {
        long count = read(fd, chunk, CHUNK);
        if (count < 0) {
          return Result.failed(count);
        }
        if (count == 0) {
          return Result.of(content.toByteArray());
        }
        content.writeBytes(chunk.get(0, (int) count));
        if (content.size() > FILE_MAX) {
          return Result.failed(Errno.EFBIG);
        }
      }
    } finally {
      close(fd);
    }
  }

  @Override
  public int writeFile(String path, byte[] content) {
    int fd = open(path, Linux.O_WRONLY);
    if (fd < 0) {
      return fd;
    }
    try {
      NativeBlock block = new NativeBlock(content.length);
      block.put(0, content);
      return (int) write(fd, block, content.length);
    } finally {
      close(fd);
    }
  }

  @Override
  public Result<String> readLink(String path) {
    NativeBlock target = new NativeBlock(PATH_MAX);
    try {
      long length = libc.readlink(terminated(path), target.address(), target.capacity());
      return length < 0 ? Result.failed(length) : Result.of(text(target, 0, (int) length));
    } finally {
      Reference.reachabilityFence(target);
    }
  }

  @Override
  public Result<List<String>> list(String path) {
    int fd = open(path, Linux.O_RDONLY);
    if (fd < 0) {
      return Result.failed(fd);
    }
    NativeBlock entries = new NativeBlock(CHUNK);
    List<String> names = new ArrayList<>();
    try {
      while (true) {
        long filled = libc.getdents64(fd, entries.address(), CHUNK);
        if (filled < 0) {
          return Result.failed(filled);
        }
        if (filled == 0) {
          Collections.sort(names);
          return Result.of(List.copyOf(names));
        }
        addNames(entries, (int) filled, names);
      }
    } finally {
      Reference.reachabilityFence(entries);
      close(fd);
    }
  }

  private static void addNames(NativeBlock entries, int filled, List<String> names) {
    for (int at = 0; at < filled; at += Short.toUnsignedInt(entries.getShort(at + D_RECLEN))) {
      int start = at + D_NAME;
      int end = start;
      while (entries.getByte(end) != 0) {
        end++;
      }
      String name = text(entries, start, end - start);
      if (!name.equals(".") && !name.equals("..")) {
        names.add(name);
      }
    }
  }

  private static String text(NativeBlock block, int offset, int length) {
    return new String(block.get(offset, length), StandardCharsets.UTF_8);
  }

  private static byte[] terminated(String path) {
    if (path.indexOf('\0') >= 0) {
      throw new IllegalArgumentException("a path with a NUL character");
    }
    byte[] encoded = path.getBytes(StandardCharsets.UTF_8);
    return Arrays.copyOf(encoded, encoded.length + 1);
  }
}
