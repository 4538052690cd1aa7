// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

import java.util.List;
import java.util.TreeSet;
import org.vfio4j.Errno;
import org.vfio4j.dma.IovaRange;

/**
 * Notes the pages that a device writes, as devices do that can: a model has one, tells it of its
 * writes, and hands the calls of {@link DmaLogger} on to it.
 */
public final class WriteLog implements DmaLogger {
  private final TreeSet<Long> pages = new TreeSet<>(Long::compareUnsigned);
  private List<IovaRange> ranges = List.of();
  private long pageSize;

  /** The device has written there; outside the ranges that are noted nothing comes of it. */
  public void wrote(long iova, long length) {
    for (IovaRange range : ranges) {
      long first = max(iova, range.start());
      long last = min(iova + length - 1, range.last());
      if (length > 0 && Long.compareUnsigned(first, last) <= 0) {
        long end = last & -pageSize;
        for (long page = first & -pageSize; page != end; page += pageSize) {
          pages.add(page);
        }
        pages.add(end);
      }
    }
  }

  private static long max(long a, long b) {
    return Long.compareUnsigned(a, b) > 0 ? a : b;
  }

  private static long min(long a, long b) {
    return Long.compareUnsigned(a, b) < 0 ? a : b;
  }

  @Override
  public long startLogging(long wantedPageSize, List<IovaRange> wantedRanges) {
    if (pageSize != 0) {
      return Errno.EBUSY.result();
    }
    if (Long.bitCount(wantedPageSize) != 1) {
      return Errno.EINVAL.result();
    }
    pageSize = wantedPageSize;
    ranges = List.copyOf(wantedRanges);
    return pageSize;
  }

  @Override
  public int stopLogging() {
    pageSize = 0;
    ranges = List.of();
    pages.clear();
    return 0;
  }

  @Override
  public int reportWrites(long iova, long length, Dirty dirty) {
    if (pageSize == 0) {
      return Errno.EINVAL.result();
    }
    for (Long page : List.copyOf(pages)) {
      long first = max(page, iova);
      long last = min(page + pageSize - 1, iova + length - 1);
      if (Long.compareUnsigned(first, last) <= 0) {
        dirty.mark(first, last - first + 1);
        pages.remove(page);
      }
    }
    return 0;
  }
}
