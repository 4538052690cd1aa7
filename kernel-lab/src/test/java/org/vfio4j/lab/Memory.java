// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import org.vfio4j.linux.Linux;
import org.vfio4j.memory.MappedMemory;

/** Memory of the process, mapped for no device: what the calls with a raw address are given. */
final class Memory {
  static final long PAGE = 4096;

  /** An address below vm.mmap_min_addr, where a process has nothing. */
  static final long NOWHERE = PAGE;

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

  static MappedMemory pages(int count, int protection) {
    return Lab.KERNEL
        .mmap(-1, 0, count * PAGE, protection, Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS)
        .value();
  }
}
