// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import java.util.List;
import org.vfio4j.dma.IovaAllocator;
import org.vfio4j.dma.IovaRange;

/**
 * The IOVAs that are mapped through a {@link Type1Iommu}, so that it can choose free ones: the
 * kernel of this generation does not, and one unmap may take several mappings or none.
 *
 * <p>A help to choose, not the truth: what somebody else maps is not known here, and the kernel
 * says so (EEXIST) where a choice hits it.
 *
 * <p>Thread safe. Allocates on the Java heap only when more is mapped than ever before.
 */
final class UsedIovas {
  /** Null until somebody wants an IOVA to be chosen. */
  private IovaAllocator free;

  private List<IovaRange> allowed;
  private long alignment;
  private final SortedRanges used = new SortedRanges();

  /** Whether {@link #allow} was called, which must be before {@link #choose}. */
  synchronized boolean isReady() {
    return free != null;
  }

  /**
   * Says where IOVAs may be chosen.
   *
   * @return whether that is something new
   */
  synchronized boolean allow(List<IovaRange> ranges, long multiple) {
    if (ranges.equals(allowed) && multiple == alignment) {
      return false;
    }
    allowed = ranges;
    alignment = multiple;
    free = new IovaAllocator(ranges, multiple);
    for (boolean more = used.find(0, -1); more; ) {
      long iova = used.start();
      // Nothing will be chosen where it is not allowed, so what is used there need not be known.
      if (!take(iova, used.length())) {
        used.removeFound();
      }
      more = iova != -1 && used.find(iova + 1, -1);
    }
    return true;
  }

  /**
   * A free IOVA not below {@code lowest}, in use from here on; 0 when there is none. A multiple of
   * {@code multiple} where there is such a one.
   */
  synchronized long choose(long lowest, long length, long multiple) {
    long iova = free.allocateAbove(lowest, length, multiple);
    if (iova == 0) {
      iova = free.allocateAbove(lowest, length);
    }
    if (iova != 0) {
      used.put(iova, length);
    }
    return iova;
  }

  /** Takes back what {@link #choose} gave and the kernel did not map. */
  synchronized void refused(long iova) {
    if (used.find(iova, iova)) {
      remove();
    }
  }

  /** The kernel has mapped something at an IOVA that the caller chose. */
  synchronized void mapped(long iova, long length) {
    if (free == null || take(iova, length)) {
      // One that begins there was unmapped behind our back, and is mapped anew.
      used.put(iova, length);
    }
  }

  /** The kernel has unmapped what begins in this range. */
  synchronized void unmapped(long iova, long length) {
    long last = iova + length - 1;
    while (used.find(iova, last)) {
      remove();
    }
  }

  /** What was found. */
  private void remove() {
    if (free != null) {
      free.free(used.start(), used.length());
    }
    used.removeFound();
  }

  private boolean take(long iova, long length) {
    long taken = free.allocateAbove(iova, length);
    if (taken != 0 && taken != iova) {
      free.free(taken, length);
    }
    return taken == iova && taken != 0;
  }
}
