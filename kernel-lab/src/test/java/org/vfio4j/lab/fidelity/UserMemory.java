// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;
import org.vfio4j.memory.MappedMemory;

/** The memory that sequences map: of {@link World#memory} and {@link World#readOnly}. */
final class UserMemory implements AutoCloseable {
  private static final long MEMORY = 2L << 20;
  private static final long READ_ONLY = 64L << 10;
  private static final int ANONYMOUS = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS;

  private final Kernel kernel;
  private final MappedMemory memory;
  private final MappedMemory readOnly;

  /**
   * @param kernel a fake one if there is one, which must know what it pins; any other can use the
   *     memory as it is
   */
  UserMemory(Kernel kernel) {
    this.kernel = kernel;
    int both = Linux.PROT_READ | Linux.PROT_WRITE;
    memory = kernel.mmap(-1, 0, 2 * MEMORY, both, ANONYMOUS).value();
    readOnly = kernel.mmap(-1, 0, 2 * READ_ONLY, Linux.PROT_READ, ANONYMOUS).value();
  }

  /** Where it is. Aligned, as the kernel chooses IOVAs by the alignment of the memory. */
  void tell(Lane lane, World world) {
    lane.set(world.memory(), aligned(memory, MEMORY), false);
    lane.set(world.readOnly(), aligned(readOnly, READ_ONLY), false);
  }

  private static long aligned(MappedMemory memory, long size) {
    return (memory.address() + size - 1) & -size;
  }

  @Override
  public void close() {
    kernel.munmap(memory);
    kernel.munmap(readOnly);
  }
}
