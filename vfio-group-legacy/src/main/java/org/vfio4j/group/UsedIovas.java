// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import java.util.Arrays;
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
  // In use, ascending by IOVA.
  private long[] iovas = new long[16];
  private long[] lengths = new long[16];
  private int count;

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
    int kept = 0;
    for (int i = 0; i < count; i++) {
      // Nothing will be chosen where it is not allowed, so what is used there need not be known.
      if (take(iovas[i], lengths[i])) {
        iovas[kept] = iovas[i];
        lengths[kept] = lengths[i];
        kept++;
      }
    }
    count = kept;
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
      insert(iova, length);
    }
    return iova;
  }

  /** Takes back what {@link #choose} gave and the kernel did not map. */
  synchronized void refused(long iova) {
    int at = find(iova);
    if (at >= 0) {
      remove(at, at + 1);
    }
  }

  /** The kernel has mapped something at an IOVA that the caller chose. */
  synchronized void mapped(long iova, long length) {
    if (free == null || take(iova, length)) {
      insert(iova, length);
    }
  }

  /** The kernel has unmapped what begins in this range. */
  synchronized void unmapped(long iova, long length) {
    long last = iova + length - 1;
    int from = find(iova);
    if (from < 0) {
      from = -(from + 1);
    }
    int to = from;
    while (to < count && Long.compareUnsigned(iovas[to], last) <= 0) {
      to++;
    }
    remove(from, to);
  }

  private boolean take(long iova, long length) {
    long taken = free.allocateAbove(iova, length);
    if (taken != 0 && taken != iova) {
      free.free(taken, length);
    }
    return taken == iova && taken != 0;
  }

  /** The index, or the negative of the index to insert at less one. */
  private int find(long iova) {
    int low = 0;
    int high = count - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      int order = Long.compareUnsigned(iovas[middle], iova);
      if (order == 0) {
        return middle;
      }
      if (order < 0) {
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return -(low + 1);
  }

  private void insert(long iova, long length) {
    int found = find(iova);
    if (found >= 0) {
      // Unmapped behind our back, and mapped anew.
      lengths[found] = length;
      return;
    }
    int at = -(found + 1);
    if (count == iovas.length) {
      iovas = Arrays.copyOf(iovas, 2 * count);
      lengths = Arrays.copyOf(lengths, 2 * count);
    }
    System.arraycopy(iovas, at, iovas, at + 1, count - at);
    System.arraycopy(lengths, at, lengths, at + 1, count - at);
    iovas[at] = iova;
    lengths[at] = length;
    count++;
  }

  private void remove(int from, int to) {
    for (int i = from; free != null && i < to; i++) {
      free.free(iovas[i], lengths[i]);
    }
    System.arraycopy(iovas, to, iovas, from, count - to);
    System.arraycopy(lengths, to, lengths, from, count - to);
    count -= to - from;
  }
}
