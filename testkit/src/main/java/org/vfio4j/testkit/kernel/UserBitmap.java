// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.Arrays;

/**
 * A bitmap in the memory of the process that bits are set in, a page of it at a time.
 *
 * <p>A page that the process does not have, or not to be written, loses its bits without a word.
 * Source: {@code drivers/iommu/iommufd/iova_bitmap.c}.
 */
final class UserBitmap {
  private final UserPointer memory;
  private final long address;
  private final long iova;
  private final int pageShift;
  private final byte[] bits = new byte[UserMemory.PAGE];

  /** The address of the page that {@link #bits} stands for, and which of its bytes are used. */
  private long page;

  private int first = UserMemory.PAGE;
  private int last = -1;

  UserBitmap(UserPointer memory, long address, long iova, long pageSize) {
    this.memory = memory;
    this.address = address;
    this.iova = iova;
    this.pageShift = Long.numberOfTrailingZeros(pageSize);
  }

  /** iova_bitmap_set(). */
  void set(long start, long length) {
    long end = (start + length - 1 - iova) >>> pageShift;
    for (long bit = (start - iova) >>> pageShift; bit <= end; bit++) {
      long at = address + (bit >>> 3);
      if (last >= 0 && (at & -UserMemory.PAGE) != page) {
        flush();
      }
      page = at & -UserMemory.PAGE;
      int offset = (int) (at - page);
      bits[offset] |= (byte) (1 << (bit & 7));
      first = Math.min(first, offset);
      last = Math.max(last, offset);
    }
  }

  /** Ors what was set since the last time into the memory. */
  void flush() {
    if (last < 0) {
      return;
    }
    try {
      UserPointer target = memory.at(page + first);
      byte[] bytes = target.get(0, last - first + 1);
      for (int i = 0; i < bytes.length; i++) {
        bytes[i] |= bits[first + i];
        bits[first + i] = 0;
      }
      target.put(0, bytes);
    } catch (KernelError e) {
      Arrays.fill(bits, (byte) 0);
    }
    first = UserMemory.PAGE;
    last = -1;
  }
}
