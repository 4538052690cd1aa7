// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;

/** Memory of the process, mapped for no device: what the calls with a raw address are given. */
final class Memory {
  static final long PAGE = 4096;

  /** An address below vm.mmap_min_addr, where a process has nothing. */
  static final long NOWHERE = PAGE;

  private static final List<MappedMemory> KEPT = new ArrayList<>();

  private Memory() {}

  /**
   * Zeroed, and written to: Linux before 6.2 would pin the page of zeros that all untouched memory
   * shares for a device that only reads, and not what the process writes afterwards.
   */
  static MappedMemory pages(int count) {
    MappedMemory memory = pages(count, Linux.PROT_READ | Linux.PROT_WRITE);
    memory.fill(0, memory.size(), (byte) 0);
    return memory;
  }

  /**
   * The address of bytes of this process, whichever kernel is asked, that cannot be written and
   * have nothing behind them. They stay.
   */
  static long readOnly(byte... bytes) {
    Kernel host = Kernel.host();
    try {
      Path file = Files.createTempFile("vfio4j", ".page");
      byte[] page = new byte[(int) PAGE];
      System.arraycopy(bytes, 0, page, page.length - bytes.length, bytes.length);
      Files.write(file, page);
      int fd = host.open(file.toString(), Linux.O_RDONLY);
      Files.delete(file);
      // The second page is behind the end of the file.
      MappedMemory memory = host.mmap(fd, 0, 2 * PAGE, Linux.PROT_READ, Linux.MAP_PRIVATE).value();
      host.close(fd);
      KEPT.add(memory);
      return memory.address() + PAGE - bytes.length;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static long readOnly(NativeBlock block) {
    return readOnly(block.get(0, block.capacity()));
  }

  /**
   * Where memory that can be written ends, of which there are so many pages, and nothing follows.
   */
  static long end(int pages) {
    String maps =
        new String(Kernel.host().readFile("/proc/self/maps").value(), StandardCharsets.US_ASCII);
    long start = 0;
    long end = 0;
    for (String line : maps.split("\n")) {
      String[] words = line.split("[- ]", 4);
      long next = Long.parseUnsignedLong(words[0], 16);
      boolean writable = words[2].startsWith("rw");
      if (end - start >= pages * PAGE && (next != end || !writable)) {
        return end;
      }
      start = writable && next == end ? start : next;
      end = writable ? Long.parseUnsignedLong(words[1], 16) : next;
    }
    throw new AssertionError(maps);
  }

  static MappedMemory pages(int count, int protection) {
    return Lab.KERNEL
        .mmap(-1, 0, count * PAGE, protection, Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS)
        .value();
  }

  /**
   * A page of which the next one is mapped by nobody: found by mapping until two are side by side.
   *
   * @param request a call on {@code fd} that reads its argument, to see when the other one is gone:
   *     that is only when the garbage collector knows that nobody can reach it
   */
  static MappedMemory pageBeforeNothing(int fd, int request) {
    MappedMemory page = pageBelowAnother();
    long giveUp = System.nanoTime() + 20_000_000_000L;
    while (Lab.KERNEL.ioctl(fd, request, page.address() + PAGE) != Errno.EFAULT.result()) {
      if (System.nanoTime() > giveUp) {
        throw new AssertionError("it does not go");
      }
      System.gc();
    }
    return page;
  }

  private static MappedMemory pageBelowAnother() {
    MappedMemory upper = pages(1);
    MappedMemory lower = pages(1);
    while (lower.address() + PAGE != upper.address()) {
      Lab.KERNEL.munmap(upper);
      upper = lower;
      lower = pages(1);
    }
    Lab.KERNEL.munmap(upper);
    return lower;
  }
}
