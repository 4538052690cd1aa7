// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import org.vfio4j.Errno;
import org.vfio4j.group.uapi.VfioBitmap;
import org.vfio4j.memory.NativeBlock;

/**
 * Dirty page logging of a container.
 *
 * <p>Type1 asks no IOMMU which pages a device has written: where a group has an IOMMU it says that
 * every page that is mapped is dirty, at every question. So it is here, but where all IOMMUs track:
 * they are asked. Which pages the drivers of mediated devices have written type1 knows if they are
 * alone in the container; an iommufd tells nobody, and so with such a device all are dirty here:
 * too many, and never too few. An IOMMU that tracks is asked before memory is unmapped, so a page
 * that a device writes to in between, while its memory is taken away from it, may count as clean.
 *
 * <p>A page is a bit, counted from the start of the range that is asked for, in words of 64. Of a
 * word that a mapping begins inside of, the bits that the caller has in it stay; of every other one
 * in which the mapping has bits, all others become 0.
 *
 * <p>Guarded by its IOMMU. Source: {@code update_user_bitmap()} in {@code
 * drivers/vfio/vfio_iommu_type1.c}.
 */
final class DirtyLog {
  /** In bytes: 2^31 pages. */
  static final long LARGEST_BITMAP = 1L << 28;

  private static final int CHUNK_WORDS = 8192;
  private static final long END_OF_USER_MEMORY = 0x7fff_ffff_f000L;

  private final long page;
  private final Mappings mappings;
  private final PageTables pageTables;
  private boolean tracking;

  DirtyLog(long page, Mappings mappings, PageTables pageTables) {
    this.page = page;
    this.mappings = mappings;
    this.pageTables = pageTables;
  }

  /**
   * Whether a bitmap can hold a range, by its own page size.
   *
   * @param at where in {@code block} it is described
   */
  static void checkBitmap(NativeBlock block, int at, long size) throws BridgeRefusal {
    long pgsize = block.getLong(at + VfioBitmap.PGSIZE);
    long bytes = block.getLong(at + VfioBitmap.SIZE);
    long data = block.getLong(at + VfioBitmap.DATA);
    boolean reachable =
        Long.compareUnsigned(bytes, END_OF_USER_MEMORY) <= 0
            && Long.compareUnsigned(data, END_OF_USER_MEMORY - bytes) <= 0;
    // What Linux makes of a page size of 0 is undefined.
    BridgeRefusal.refuseIf(!reachable || pgsize == 0, Errno.EINVAL);
    long pages = size >>> Long.numberOfTrailingZeros(pgsize);
    boolean wrong =
        pages == 0
            || bytes == 0
            || Long.compareUnsigned(bytes, LARGEST_BITMAP) > 0
            || Long.compareUnsigned(bytes, bitmapBytes(pages)) < 0;
    BridgeRefusal.refuseIf(wrong, Errno.EINVAL);
  }

  private static long bitmapBytes(long pages) {
    return ((pages + Long.SIZE - 1) >>> 6) * Long.BYTES;
  }

  /** Starts or stops; the second time nothing happens. */
  void track(Cause cause, boolean on) throws BridgeRefusal {
    if (tracking != on) {
      pageTables.track(cause, on);
      tracking = on;
    }
  }

  /** That it was started, and asked for pages of the size that it counts in. */
  void checkTracking(long pgsize) throws BridgeRefusal {
    BridgeRefusal.refuseIf(!tracking || pgsize != page, Errno.EINVAL);
  }

  /** Whether a range, of which the end is inclusive, has a part of a mapping only. */
  boolean cuts(long iova, long last) {
    int start = mappings.first(iova, iova);
    int end = mappings.first(last, last);
    return (start != Mappings.NONE && mappings.iova(start) != iova)
        || (end != Mappings.NONE && mappings.last(end) != last);
  }

  /**
   * Writes the bits of all mappings in a range.
   *
   * @param words the caller's bitmap, of which the first bit stands for {@code iova}
   */
  void report(Cause cause, UserArgument words, long iova, long size) throws BridgeRefusal {
    long last = iova + size - 1;
    for (int node = mappings.first(iova, last);
        node != Mappings.NONE && Long.compareUnsigned(mappings.iova(node), last) <= 0;
        node = mappings.next(node)) {
      report(cause, words, iova, node);
    }
  }

  private void report(Cause cause, UserArgument words, long base, int mapping)
      throws BridgeRefusal {
    long firstBit = Long.divideUnsigned(mappings.iova(mapping) - base, page);
    long iova = mappings.iova(mapping);
    long left = Long.divideUnsigned(mappings.size(mapping), page);
    long word = firstBit / Long.SIZE;
    int shift = (int) (firstBit % Long.SIZE);
    while (left > 0) {
      int pages = (int) Math.min((long) CHUNK_WORDS * Long.SIZE - shift, left);
      NativeBlock bits = shifted(dirty(cause, iova, pages), pages, shift);
      UserArgument chunk = words.at(words.number() + word * Long.BYTES);
      if (shift != 0) {
        bits.putLong(0, bits.getLong(0) | chunk.read(0, Long.BYTES).getLong(0));
      }
      chunk.write(0, bits);
      word += bits.capacity() / Long.BYTES;
      iova += pages * page;
      left -= pages;
      shift = 0;
    }
  }

  /**
   * A bit for each page of a mapping from there on, no others. An iommufd tells nothing of what
   * lies behind a hole, so that it is asked for one mapping at a time.
   */
  private NativeBlock dirty(Cause cause, long iova, int pages) throws BridgeRefusal {
    NativeBlock bits = new NativeBlock((int) bitmapBytes(pages));
    if (pageTables.tracksAll()) {
      pageTables.addDirty(cause, iova, pages * page, bits);
      return bits;
    }
    int last = bits.capacity() - Long.BYTES;
    for (int at = 0; at < last; at += Long.BYTES) {
      bits.putLong(at, -1);
    }
    bits.putLong(last, -1L >>> -pages);
    return bits;
  }

  /** The same bits, the first of them at {@code shift}: in as many words as they need there. */
  private static NativeBlock shifted(NativeBlock bits, int pages, int shift) {
    if (shift == 0) {
      return bits;
    }
    NativeBlock moved = new NativeBlock((int) bitmapBytes((long) shift + pages));
    long carried = 0;
    for (int at = 0; at < moved.capacity(); at += Long.BYTES) {
      long word = at < bits.capacity() ? bits.getLong(at) : 0;
      moved.putLong(at, word << shift | carried);
      carried = word >>> -shift;
    }
    return moved;
  }
}
