// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_iommu_type1_dirty_bitmap_get}: what follows the argument of
 * VFIO_IOMMU_DIRTY_PAGES with GET_BITMAP; a {@link VfioBitmap} follows the two fields. Linux 5.8.
 */
public final class VfioIommuType1DirtyBitmapGet extends Struct {
  public static final int SIZEOF = 40;
  public static final int IOVA = 0;
  public static final int SIZE = 8;
  public static final int BITMAP = 16;

  public VfioIommuType1DirtyBitmapGet() {
    super(SIZEOF);
  }

  public long iova() {
    return getLong(IOVA);
  }

  public VfioIommuType1DirtyBitmapGet iova(long value) {
    putLong(IOVA, value);
    return this;
  }

  public long size() {
    return getLong(SIZE);
  }

  public VfioIommuType1DirtyBitmapGet size(long value) {
    putLong(SIZE, value);
    return this;
  }
}
