// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.dma;

import java.util.List;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Lifetime;

/**
 * The address space in which devices do DMA: what they read and write is what was mapped here, and
 * nothing else.
 *
 * <p>The same for both generations of the kernel's API: an IOAS of iommufd, or a container with its
 * type1 IOMMU.
 *
 * <p>IOVAs, lengths and user addresses are in bytes and multiples of {@link #iovaAlignment()}
 * (IOVAs are unsigned). {@link #allocate(long)} is what most programs need. The calls with a raw
 * address leave it to the caller that the memory outlives the mapping.
 *
 * <p>Thread safe. Mapping and unmapping with raw addresses allocate nothing on the Java heap unless
 * they fail.
 */
public interface DmaSpace {
  Kernel kernel();

  /** For what lives in this space and must be gone before it. */
  Lifetime lifetime();

  /**
   * Maps memory of this process at the given IOVA.
   *
   * <p>Memory that the device only reads has to be written to once before it is mapped: Linux
   * before 6.2 pins the page of zeros behind untouched memory, and the device never sees what is
   * written later.
   *
   * @param userVa the address of the first byte
   * @throws VfioException ({@link Reason#OVERLAP} when something is mapped there, {@link
   *     Reason#INVALID_ARGUMENT} when it is unaligned, empty or outside the allowed ranges, {@link
   *     Reason#LIMIT} when the process may not lock that much memory or the space is full)
   */
  void map(long userVa, long length, long iova, DmaAccess access);

  /**
   * Maps memory of this process at an IOVA that is free.
   *
   * @return the IOVA, the lowest that fits; never 0
   */
  long map(long userVa, long length, DmaAccess access);

  /** As {@link #map(long, long, long, DmaAccess)}, but returns 0 or the negative errno. */
  int tryMap(long userVa, long length, long iova, DmaAccess access);

  /**
   * Removes all mappings in the range. A mapping that lies in it only in part is refused.
   *
   * @return the number of bytes that were mapped, at least 1
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT} when nothing is mapped there, or the
   *     range would split a mapping)
   */
  long unmap(long iova, long length);

  /**
   * As {@link #unmap}, but returns the negative errno. Nothing mapped there is 0 or an errno, as
   * the kernel interface has it.
   */
  long tryUnmap(long iova, long length);

  /**
   * As {@link #tryUnmap}, for a child that holds {@link #lifetime()}: works after the space was
   * closed too.
   *
   * @return 0 or more when nothing of the range is mapped any more, else the negative errno
   */
  long releaseMapping(long iova, long length);

  /** Where something can be mapped, ascending: what IOMMU and devices leave. */
  List<IovaRange> allowedIovas();

  /** What IOVAs and lengths must be multiples of, in bytes; a power of two. */
  long iovaAlignment();

  /** New, zeroed, page-aligned memory that a device may read and write, mapped at a free IOVA. */
  default DmaBuffer allocate(long size) {
    return allocate(size, PageSize.NORMAL);
  }

  /**
   * New, zeroed memory that a device may read and write, mapped at a free IOVA.
   *
   * @param size in bytes, rounded up to whole pages
   * @throws VfioException ({@link Reason#LIMIT} when there is not enough memory, or not enough
   *     pages of that size are set aside)
   */
  default DmaBuffer allocate(long size, PageSize pages) {
    return DmaBuffer.allocate(this, size, pages, DmaAccess.READ_WRITE);
  }
}
