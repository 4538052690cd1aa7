// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import org.vfio4j.linux.Linux;
import org.vfio4j.memory.MappedMemory;

/** Memory of the process, mapped for no device: what the calls with a raw address are given. */
final class Memory {
  static final long PAGE = 4096;

  private Memory() {}

  static MappedMemory pages(int count) {
    return pages(count, Linux.PROT_READ | Linux.PROT_WRITE);
  }

  static MappedMemory pages(int count, int protection) {
    return Lab.KERNEL
        .mmap(-1, 0, count * PAGE, protection, Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS)
        .value();
  }
}
