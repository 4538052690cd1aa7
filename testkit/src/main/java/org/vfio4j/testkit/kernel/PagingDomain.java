// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.vfio4j.Errno;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.testkit.kernel.IovaSpace.Mapping;

/**
 * A page table that the kernel fills with what an IOAS has mapped: it knows which of its pages were
 * written, where it was made for that.
 */
final class PagingDomain extends IommuDomain {
  private final int pageSize;
  private final IovaRange aperture;
  private final boolean dirtyOps;
  private final boolean wantsWritable;
  private final TreeSet<Long> dirty = new TreeSet<>(Long::compareUnsigned);
  private boolean tracking;

  /** Receives the dirty pages of a range. */
  interface DirtyPages {
    void dirty(long iova, long length);
  }

  PagingDomain(IommuDriver owner, IovaRange aperture, boolean dirtyOps) {
    this(owner, aperture, dirtyOps, false);
  }

  /**
   * @param wantsWritable whether nothing can be mapped for reading alone
   */
  PagingDomain(IommuDriver owner, IovaRange aperture, boolean dirtyOps, boolean wantsWritable) {
    super(owner);
    this.pageSize = (int) Long.lowestOneBit(owner.pageSizes());
    this.aperture = aperture;
    this.dirtyOps = dirtyOps;
    this.wantsWritable = wantsWritable;
  }

  /** The smallest, in bytes. */
  int pageSize() {
    return pageSize;
  }

  /** What it cannot translate. */
  List<IovaRange> outOfAperture() {
    List<IovaRange> outside = new ArrayList<>(2);
    if (aperture.start() != 0) {
      outside.add(new IovaRange(0, aperture.start() - 1));
    }
    if (aperture.last() != -1) {
      outside.add(new IovaRange(aperture.last() + 1, -1));
    }
    return outside;
  }

  /** Whether it was made for dirty tracking. */
  boolean hasDirtyOps() {
    return dirtyOps;
  }

  boolean isTracking() {
    return tracking;
  }

  /** iopt_set_dirty_tracking(). */
  void track(boolean enabled) {
    KernelError.refuseIf(!dirtyOps, Errno.EOPNOTSUPP);
    if (enabled) {
      dirty.clear();
    }
    tracking = enabled;
  }

  /** A device has written from here to there, which is mapped. */
  void written(long iova, long length) {
    if (!tracking) {
      return;
    }
    long last = iova + length - 1;
    for (long page = iova & -pageSize; Long.compareUnsigned(page, last) <= 0; page += pageSize) {
      dirty.add(page);
      if (page + pageSize == 0) {
        return;
      }
    }
  }

  /** iommu_map(). */
  void mapped(Mapping area) {
    KernelError.refuseIf(wantsWritable && !area.isWritable(), Errno.EINVAL);
  }

  /** What was written there is forgotten with the mapping. */
  void unmapped(Mapping area) {
    if (!dirty.isEmpty()) {
      dirty.subSet(area.start(), true, area.last(), true).clear();
    }
  }

  /** The dirty pages of a range that is mapped; they are clean afterwards unless they stay. */
  void readDirty(long start, long last, boolean clear, DirtyPages pages) {
    var found = dirty.subSet(start & -pageSize, true, last, true);
    found.forEach(page -> pages.dirty(page, pageSize));
    if (clear) {
      found.clear();
    }
  }
}
