// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct vfio_region_sparse_mmap_area}: an area of a region that can be mapped. */
public final class VfioRegionSparseMmapArea extends Struct {
  public static final int SIZEOF = 16;
  public static final int OFFSET = 0;
  public static final int SIZE = 8;

  public VfioRegionSparseMmapArea() {
    super(SIZEOF);
  }

  public long offset() {
    return getLong(OFFSET);
  }

  public VfioRegionSparseMmapArea offset(long value) {
    putLong(OFFSET, value);
    return this;
  }

  public long size() {
    return getLong(SIZE);
  }

  public VfioRegionSparseMmapArea size(long value) {
    putLong(SIZE, value);
    return this;
  }
}
