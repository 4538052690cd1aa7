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
 * they are asked. Of mediated devices alone type1 knows the pages that their drivers have pinned;
 * an iommufd tells nobody, and so all are dirty here: too many, and never too few.
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
  void track(LegacyCall cause, boolean on) throws BridgeRefusal {
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
  void report(LegacyCall cause, UserArgument words, long iova, long size) throws BridgeRefusal {
    boolean exact = pageTables.tracksAll();
    long last = iova + size - 1;
    for (int node = mappings.first(iova, last);
        node != Mappings.NONE && Long.compareUnsigned(mappings.iova(node), last) <= 0;
        node = mappings.next(node)) {
      report(words, iova, node, !exact);
    }
    if (exact) {
      pageTables.addDirty(cause, iova, size, words.number());
    }
  }

  private void report(UserArgument words, long base, int mapping, boolean dirty)
      throws BridgeRefusal {
    long firstBit = Long.divideUnsigned(mappings.iova(mapping) - base, page);
    long count = Long.divideUnsigned(mappings.size(mapping), page);
    int shift = (int) (firstBit % Long.SIZE);
    long word = firstBit / Long.SIZE;
    long left = shift + count;
    long kept = shift == 0 ? 0 : word(words, word);
    long before = (1L << shift) - 1;
    while (left > 0) {
      int chunk = (int) Math.min(CHUNK_WORDS, (left + Long.SIZE - 1) / Long.SIZE);
      NativeBlock bits = new NativeBlock(chunk * Long.BYTES);
      for (int i = 0; i < chunk; i++, left -= Long.SIZE) {
        long set = !dirty ? 0 : left >= Long.SIZE ? -1 : (1L << left) - 1;
        bits.putLong(i * Long.BYTES, (set & ~before) | kept);
        before = 0;
        kept = 0;
      }
      words.at(words.number() + word * Long.BYTES).write(0, bits);
      word += chunk;
    }
  }

  private static long word(UserArgument words, long index) throws BridgeRefusal {
    return words.at(words.number() + index * Long.BYTES).read(0, Long.BYTES).getLong(0);
  }
}
