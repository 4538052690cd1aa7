// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.dma;

import java.util.Arrays;
import java.util.List;

/**
 * Finds free I/O virtual addresses where the kernel does not: in a type1 container.
 *
 * <p>First fit from the lowest address up, as iommufd does, so that devices with few address bits
 * are served; what was freed is used again. Knows only what it gave out itself: whoever maps at an
 * address of his own choice as well gets an overlap (EEXIST) from the kernel and asks for the next
 * address with {@link #allocateAbove}.
 *
 * <p>Not thread safe. Allocates on the Java heap only when there are more free ranges than ever
 * before.
 */
public final class IovaAllocator {
  private final long alignment;
  // Free ranges, ascending, never touching each other; both ends inclusive and unsigned.
  private long[] starts;
  private long[] lasts;
  private int count;

  /**
   * @param allowed where addresses may be taken from, ascending
   * @param alignment in bytes, a power of two; address 0 is never given out
   */
  public IovaAllocator(List<IovaRange> allowed, long alignment) {
    this.alignment = alignment;
    starts = new long[allowed.size() + 8];
    lasts = new long[allowed.size() + 8];
    for (IovaRange range : allowed) {
      long start = range.start() == 0 ? alignment : roundUp(range.start());
      if (Long.compareUnsigned(start, range.last()) <= 0
          && Long.compareUnsigned(start, range.start()) >= 0) {
        give(start, range.last());
      }
    }
  }

  /**
   * Takes the lowest free range of this length.
   *
   * @param length in bytes, positive
   * @return its first address; 0 when there is none
   */
  public long allocate(long length) {
    return allocateAbove(0, length);
  }

  /** As {@link #allocate}, but not below {@code lowest}. */
  public long allocateAbove(long lowest, long length) {
    return allocateAbove(lowest, length, alignment);
  }

  /**
   * As {@link #allocateAbove(long, long)}, at a multiple of {@code multiple}, which is a power of
   * two: so that an IOMMU can use a large page.
   */
  public long allocateAbove(long lowest, long length, long multiple) {
    long rounded = roundUp(length);
    if (length <= 0 || rounded <= 0) {
      return 0;
    }
    long step = Math.max(multiple, alignment);
    for (int i = firstFrom(lowest); i < count; i++) {
      long start = Long.compareUnsigned(starts[i], lowest) < 0 ? lowest : starts[i];
      start = (start + step - 1) & -step;
      if (Long.compareUnsigned(start, starts[i]) >= 0
          && Long.compareUnsigned(start, lasts[i]) <= 0
          && Long.compareUnsigned(lasts[i] - start, rounded - 1) >= 0) {
        take(i, start, start + rounded - 1);
        return start;
      }
    }
    return 0;
  }

  /** Gives back what {@link #allocate} gave, with the same length. */
  public void free(long iova, long length) {
    give(iova, iova + roundUp(length) - 1);
  }

  /** The first free range that does not end below this address, or {@link #count}. */
  private int firstFrom(long iova) {
    int low = 0;
    for (int high = count; low < high; ) {
      int middle = (low + high) >>> 1;
      if (Long.compareUnsigned(lasts[middle], iova) < 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  private void give(long iova, long last) {
    int next = firstFrom(iova);
    boolean touchesPrevious = next > 0 && lasts[next - 1] + 1 == iova;
    boolean touchesNext = next < count && last + 1 == starts[next];
    if (touchesPrevious && touchesNext) {
      lasts[next - 1] = lasts[next];
      remove(next);
    } else if (touchesPrevious) {
      lasts[next - 1] = last;
    } else if (touchesNext) {
      starts[next] = iova;
    } else {
      insert(next, iova, last);
    }
  }

  private void take(int i, long start, long last) {
    boolean before = start != starts[i];
    boolean after = last != lasts[i];
    if (before && after) {
      insert(i + 1, last + 1, lasts[i]);
      lasts[i] = start - 1;
    } else if (before) {
      lasts[i] = start - 1;
    } else if (after) {
      starts[i] = last + 1;
    } else {
      remove(i);
    }
  }

  private void insert(int at, long start, long last) {
    if (count == starts.length) {
      starts = Arrays.copyOf(starts, 2 * count);
      lasts = Arrays.copyOf(lasts, 2 * count);
    }
    System.arraycopy(starts, at, starts, at + 1, count - at);
    System.arraycopy(lasts, at, lasts, at + 1, count - at);
    starts[at] = start;
    lasts[at] = last;
    count++;
  }

  private void remove(int at) {
    System.arraycopy(starts, at + 1, starts, at, count - at - 1);
    System.arraycopy(lasts, at + 1, lasts, at, count - at - 1);
    count--;
  }

  private long roundUp(long value) {
    return (value + alignment - 1) & -alignment;
  }
}
