// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_iommu_type1_info_cap_migration}: what dirty page logging can do. Linux 5.8.
 */
public final class VfioIommuType1InfoCapMigration extends Struct {
  public static final int SIZEOF = 32;
  public static final int FLAGS = 8;
  public static final int PGSIZE_BITMAP = 16;
  public static final int MAX_DIRTY_BITMAP_SIZE = 24;

  public VfioIommuType1InfoCapMigration() {
    super(SIZEOF);
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioIommuType1InfoCapMigration flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public long pgsizeBitmap() {
    return getLong(PGSIZE_BITMAP);
  }

  public VfioIommuType1InfoCapMigration pgsizeBitmap(long value) {
    putLong(PGSIZE_BITMAP, value);
    return this;
  }

  public long maxDirtyBitmapSize() {
    return getLong(MAX_DIRTY_BITMAP_SIZE);
  }

  public VfioIommuType1InfoCapMigration maxDirtyBitmapSize(long value) {
    putLong(MAX_DIRTY_BITMAP_SIZE, value);
    return this;
  }
}
