// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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
    byte[] page = new byte[(int) PAGE];
    System.arraycopy(bytes, 0, page, page.length - bytes.length, bytes.length);
    return beforeNothing(page, Linux.PROT_READ).address() + PAGE - bytes.length;
  }

  /** A page of this process, whichever kernel is asked, with nothing behind it. It stays. */
  static MappedMemory pageBeforeNothing() {
    return beforeNothing(new byte[(int) PAGE], Linux.PROT_READ | Linux.PROT_WRITE);
  }

  /** The page behind is behind the end of the file. */
  private static MappedMemory beforeNothing(byte[] content, int protection) {
    Kernel host = Kernel.host();
    try {
      Path file = Files.createTempFile("vfio4j", ".page");
      Files.write(file, content);
      int fd = host.open(file.toString(), Linux.O_RDONLY);
      Files.delete(file);
      long length = content.length + PAGE;
      MappedMemory memory = host.mmap(fd, 0, length, protection, Linux.MAP_PRIVATE).value();
      host.close(fd);
      KEPT.add(memory);
      return memory;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static long readOnly(NativeBlock block) {
    return readOnly(block.get(0, block.capacity()));
  }

  /** Where memory ends that can be written, of so many pages, and nothing follows. */
  static long end(int pages) {
    byte[] content = new byte[pages * (int) PAGE];
    int protection = Linux.PROT_READ | Linux.PROT_WRITE;
    return beforeNothing(content, protection).address() + content.length;
  }

  static MappedMemory pages(int count, int protection) {
    return Lab.KERNEL
        .mmap(-1, 0, count * PAGE, protection, Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS)
        .value();
  }
}
