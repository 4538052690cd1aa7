// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_iommu_type1_dirty_bitmap}: the argument of VFIO_IOMMU_DIRTY_PAGES. Linux 5.8.
 */
public final class VfioIommuType1DirtyBitmap extends Struct {
  public static final int SIZEOF = 8;
  public static final int ARGSZ = 0;
  public static final int FLAGS = 4;

  /** With room for {@code data} bytes behind the fixed fields. */
  public VfioIommuType1DirtyBitmap(int data) {
    super(SIZEOF + data);
    putInt(ARGSZ, SIZEOF + data);
  }

  public int argsz() {
    return getInt(ARGSZ);
  }

  public VfioIommuType1DirtyBitmap argsz(int value) {
    putInt(ARGSZ, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioIommuType1DirtyBitmap flags(int value) {
    putInt(FLAGS, value);
    return this;
  }
}
