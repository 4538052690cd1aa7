// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.dma;

import java.util.ArrayList;
import java.util.List;
import org.vfio4j.Units;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.memory.NativeBlock;

/**
 * Which pages of a range of IOVAs were written by devices: one bit a page, in the words that the
 * kernel itself sets bits in, so that nothing is copied.
 *
 * <p>The kernel only ever sets bits; {@link #clear} between two questions. Pages are counted from 0
 * on, at the start of the range. Asking and walking allocate nothing, except for {@link #ranges}.
 *
 * <p>Not thread safe.
 */
public final class DirtyBitmap {
  private static final int WORD_SHIFT = 6;

  /** Receives dirty ranges. */
  @FunctionalInterface
  public interface RangeConsumer {
    /**
     * A range, all of it dirty.
     *
     * @param iova the first byte of the first page
     * @param length in bytes
     */
    void accept(long iova, long length);
  }

  private final long iova;
  private final long length;
  private final int pageShift;
  private final long pages;
  private final NativeBlock words;

  /**
   * A bitmap for a range, all clean.
   *
   * @param iova where the range starts, a multiple of {@code pageSize}
   * @param length in bytes, a multiple of {@code pageSize}, not 0
   * @param pageSize what one bit stands for in bytes: a power of two
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT})
   */
  public DirtyBitmap(long iova, long length, long pageSize) {
    if (Long.bitCount(pageSize) != 1) {
      throw refused(iova, length, pageSize, "the page size is not a power of two");
    }
    if (((iova | length) & (pageSize - 1)) != 0) {
      throw refused(iova, length, pageSize, "the range is not made of whole pages");
    }
    if (length == 0 || Long.compareUnsigned(iova + length - 1, iova) < 0) {
      throw refused(iova, length, pageSize, "the range is empty, or ends beyond 64 bits");
    }
    this.iova = iova;
    this.length = length;
    this.pageShift = Long.numberOfTrailingZeros(pageSize);
    this.pages = length >>> pageShift;
    long bytes = ((pages + Long.SIZE - 1) >>> WORD_SHIFT) * Long.BYTES;
    if (bytes < 0 || bytes > Integer.MAX_VALUE - Long.BYTES) {
      throw refused(iova, length, pageSize, "a bitmap ends at 2 GiB: take the range in parts");
    }
    this.words = new NativeBlock((int) bytes);
  }

  private static VfioException refused(long iova, long length, long pageSize, String fact) {
    return VfioException.failed(Reason.INVALID_ARGUMENT, "dirty bitmap")
        .on("of " + Units.range(iova, length) + ", a bit for " + Units.bytes(pageSize))
        .fact(fact)
        .build();
  }

  /** Where the range starts. */
  public long iova() {
    return iova;
  }

  /** Of the range, in bytes. */
  public long length() {
    return length;
  }

  /** In bytes. */
  public long pageSize() {
    return 1L << pageShift;
  }

  /** How many pages, and so bits, there are. */
  public long pages() {
    return pages;
  }

  /**
   * The bits, 64 to a word: bit n of word w is page 64 w + n. For the kernel, which is given the
   * {@link NativeBlock#address() address}; keep this object reachable meanwhile.
   */
  public NativeBlock words() {
    return words;
  }

  /** Whether the page with this IOVA is dirty. */
  public boolean isDirty(long address) {
    long offset = address - iova;
    if (Long.compareUnsigned(offset, length) >= 0) {
      throw new IndexOutOfBoundsException(Units.hex(address) + " is not in " + this);
    }
    long page = offset >>> pageShift;
    return (words.getLong(wordOf(page)) >>> page & 1) != 0;
  }

  /** The first dirty page from {@code page} on; -1 when there is none. */
  public long nextDirty(long page) {
    return next(page, 0);
  }

  /** The first clean page from {@code page} on; -1 when there is none. */
  public long nextClean(long page) {
    return next(page, -1);
  }

  /** {@code flip}: all bits where clean pages are looked for. */
  private long next(long page, long flip) {
    if (page >= pages) {
      return -1;
    }
    long word = (words.getLong(wordOf(page)) ^ flip) & (-1L << page);
    long first = page & -Long.SIZE;
    while (word == 0) {
      first += Long.SIZE;
      if (first >= pages) {
        return -1;
      }
      word = words.getLong(wordOf(first)) ^ flip;
    }
    long found = first + Long.numberOfTrailingZeros(word);
    return found < pages ? found : -1;
  }

  /** How many pages are dirty. */
  public long countDirty() {
    long count = 0;
    for (int at = 0; at < words.capacity(); at += Long.BYTES) {
      count += Long.bitCount(words.getLong(at));
    }
    return count;
  }

  /** Walks the dirty pages, those side by side at once, ascending. */
  public void forEachRange(RangeConsumer consumer) {
    for (long page = nextDirty(0); page >= 0; ) {
      long clean = nextClean(page);
      long end = clean < 0 ? pages : clean;
      consumer.accept(iova + (page << pageShift), (end - page) << pageShift);
      page = nextDirty(end);
    }
  }

  /** The dirty ranges, ascending. */
  public List<IovaRange> ranges() {
    List<IovaRange> ranges = new ArrayList<>();
    forEachRange((start, bytes) -> ranges.add(new IovaRange(start, start + bytes - 1)));
    return List.copyOf(ranges);
  }

  /** Makes every page clean, here; the kernel's own marks are not touched. */
  public void clear() {
    for (int at = 0; at < words.capacity(); at += Long.BYTES) {
      words.putLong(at, 0);
    }
  }

  private static int wordOf(long page) {
    return (int) (page >>> WORD_SHIFT) * Long.BYTES;
  }

  @Override
  public String toString() {
    return "dirty bitmap of "
        + Units.range(iova, length)
        + ", a bit for "
        + Units.bytes(pageSize());
  }
}
