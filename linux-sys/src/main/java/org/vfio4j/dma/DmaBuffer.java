// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.dma;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.ToLongFunction;
import org.vfio4j.Units;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.KernelObject;
import org.vfio4j.linux.Lifetime;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.Result;
import org.vfio4j.memory.MappedMemory;

/**
 * Memory that a device reads and writes: allocated, zeroed, and mapped into a {@link DmaSpace}.
 *
 * <p>The memory is given back only after the kernel has confirmed that the device can no longer
 * reach it. If the unmap fails, the memory stays allocated and the close throws: a leak is
 * harmless, a device that writes into memory of somebody else is not.
 *
 * <p>Thread safe, as far as what the device does allows.
 */
public final class DmaBuffer extends KernelObject {
  /** Memory that a device may still reach: never given back. */
  private static final Set<MappedMemory> STRANDED = ConcurrentHashMap.newKeySet();

  private final DmaSpace space;
  private final MappedMemory memory;
  private final long iova;

  private DmaBuffer(DmaSpace space, MappedMemory memory, long iova) {
    super(
        new Lifetime(
            Units.bytes(memory.size())
                + " at IOVA "
                + Units.hex(iova)
                + " in "
                + space.lifetime().name(),
            () -> release(space, memory, iova),
            space.lifetime()));
    this.space = space;
    this.memory = memory;
    this.iova = iova;
  }

  /**
   * New, zeroed memory, mapped at a free IOVA.
   *
   * @param size in bytes, rounded up to whole pages
   * @throws VfioException ({@link Reason#LIMIT}, and what {@link DmaSpace#map(long, long,
   *     DmaAccess)} throws)
   */
  public static DmaBuffer allocate(DmaSpace space, long size, PageSize pages, DmaAccess access) {
    return allocate(
        space, size, pages, access, memory -> space.map(memory.address(), memory.size(), access));
  }

  /** New, zeroed memory, mapped at the given IOVA. */
  public static DmaBuffer allocateAt(
      DmaSpace space, long iova, long size, PageSize pages, DmaAccess access) {
    return allocate(
        space,
        size,
        pages,
        access,
        memory -> {
          space.map(memory.address(), memory.size(), iova, access);
          return iova;
        });
  }

  private static DmaBuffer allocate(
      DmaSpace space,
      long size,
      PageSize pages,
      DmaAccess access,
      ToLongFunction<MappedMemory> map) {
    space.lifetime().enter();
    try {
      MappedMemory memory = allocateMemory(space.kernel(), size, pages, access);
      long iova;
      try {
        iova = map.applyAsLong(memory);
      } catch (RuntimeException e) {
        space.kernel().munmap(memory);
        throw e;
      }
      try {
        return new DmaBuffer(space, memory, iova);
      } catch (RuntimeException e) {
        release(space, memory, iova);
        throw e;
      }
    } finally {
      space.lifetime().leave();
    }
  }

  /** Where the device finds it. */
  public long iova() {
    return iova;
  }

  /** In bytes: whole pages. */
  public long size() {
    return memory.size();
  }

  /** The bytes. */
  public MappedMemory memory() {
    return memory;
  }

  public DmaSpace space() {
    return space;
  }

  private static MappedMemory allocateMemory(
      Kernel kernel, long size, PageSize pages, DmaAccess access) {
    long page = pages.bytes(kernel);
    if (size <= 0 || size > Long.MAX_VALUE - page) {
      throw VfioException.failed(Reason.INVALID_ARGUMENT, "allocation")
          .on("of " + size + " bytes of DMA memory")
          .fact("the size must be positive")
          .build();
    }
    long rounded = (size + page - 1) & -page;
    // Before Linux 6.2, pinning untouched memory for reading alone pins the shared zero page: the
    // device would go on reading zeros, whatever the program writes later.
    int populate = access.canWrite() ? 0 : Linux.MAP_POPULATE;
    Result<MappedMemory> memory =
        kernel.mmap(
            -1,
            0,
            rounded,
            Linux.PROT_READ | Linux.PROT_WRITE,
            Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS | pages.mapFlags() | populate);
    if (!memory.isOk()) {
      throw VfioException.failed(Reason.LIMIT, "mmap")
          .on("of " + Units.bytes(rounded) + " of DMA memory in " + pages + " pages")
          .errno(memory.errno())
          .fact(
              pages == PageSize.NORMAL
                  ? "the process has no more address space or memory"
                  : "not enough huge pages of " + Units.bytes(page) + " are free")
          .hint(
              pages == PageSize.NORMAL
                  ? "see ulimit -v and /proc/meminfo"
                  : "set pages aside: /sys/kernel/mm/hugepages/hugepages-"
                      + page / 1024
                      + "kB/nr_hugepages")
          .build();
    }
    return memory.value();
  }

  private static void release(DmaSpace space, MappedMemory memory, long iova) {
    long unmapped = space.releaseMapping(iova, memory.size());
    if (unmapped < 0) {
      STRANDED.add(memory);
      throw VfioException.failed(Reason.OTHER, "unmap")
          .on("of " + memory + " at IOVA " + Units.hex(iova))
          .result(unmapped)
          .fact("the device may still reach the memory, which therefore stays allocated")
          .hint("was the range unmapped apart from this buffer, or a part of it mapped anew?")
          .build();
    }
    space.kernel().munmap(memory);
  }
}
