// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct iommu_hwpt_set_dirty_tracking}: the argument of IOMMU_HWPT_SET_DIRTY_TRACKING.
 * Linux 6.7.
 */
public final class IommuHwptSetDirtyTracking extends Struct {
  public static final int SIZEOF = 16;
  public static final int SIZE = 0;
  public static final int FLAGS = 4;
  public static final int HWPT_ID = 8;
  public static final int RESERVED = 12;

  public IommuHwptSetDirtyTracking() {
    super(SIZEOF);
    putInt(SIZE, SIZEOF);
  }

  public int size() {
    return getInt(SIZE);
  }

  public IommuHwptSetDirtyTracking size(int value) {
    putInt(SIZE, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public IommuHwptSetDirtyTracking flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int hwptId() {
    return getInt(HWPT_ID);
  }

  public IommuHwptSetDirtyTracking hwptId(int value) {
    putInt(HWPT_ID, value);
    return this;
  }
}
