// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.Arrays;
import org.vfio4j.Errno;

/**
 * Which pages of a mapping of type1 may have been written, one bit each.
 *
 * <p>The kernel shifts its own copy of the bits to where they go in the caller's bitmap, lets the
 * caller's word join them, and clears only as many bits as there are pages: what was shifted beyond
 * those stays and appears in later answers. So do these.
 *
 * <p>Source: update_user_bitmap() in {@code drivers/vfio/vfio_iommu_type1.c}.
 */
final class DirtyPages {
  private final int pages;
  private final long[] words;

  /** EINVAL for more than DIRTY_BITMAP_PAGES_MAX. */
  DirtyPages(long pages) {
    KernelError.refuseIf(pages > Integer.MAX_VALUE, Errno.EINVAL);
    this.pages = (int) pages;
    this.words = new long[words(pages) + 1];
  }

  private static int words(long bits) {
    return (int) ((bits + Long.SIZE - 1) / Long.SIZE);
  }

  /** Both inclusive. */
  void set(long first, long last) {
    for (long page = first; page <= last; page++) {
      words[(int) (page / Long.SIZE)] |= 1L << page;
    }
  }

  void setAll() {
    fill(true);
  }

  /**
   * Writes the bits to the caller's bitmap and forgets them.
   *
   * @param first the bit of the first page there
   * @param all whether every page counts as written
   */
  void report(UserPointer bitmap, long first, boolean all) {
    if (all) {
      setAll();
    }
    int shift = (int) (first % Long.SIZE);
    long at = first / Long.SIZE * Long.BYTES;
    int count = words((long) pages + shift);
    if (shift != 0) {
      for (int i = count - 1; i > 0; i--) {
        words[i] = (words[i] << shift) | (words[i - 1] >>> (Long.SIZE - shift));
      }
      words[0] <<= shift;
      // Where the caller's word cannot be read, the bits stay where they were shifted to.
      words[0] |= bitmap.at(bitmap.number() + at).getLong(0);
    }
    UserPointer target = bitmap.at(bitmap.number() + at);
    for (int i = 0; i < count; i++) {
      target.putLong(i * Long.BYTES, words[i]);
    }
  }

  /** What {@link #report} told is not told again. */
  void clear() {
    fill(false);
  }

  private void fill(boolean value) {
    int whole = pages / Long.SIZE;
    Arrays.fill(words, 0, whole, value ? -1 : 0);
    long rest = (1L << (pages % Long.SIZE)) - 1;
    words[whole] = value ? words[whole] | rest : words[whole] & ~rest;
  }
}
