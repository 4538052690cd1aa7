// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct iommu_hwpt_get_dirty_bitmap}: the argument of IOMMU_HWPT_GET_DIRTY_BITMAP. Linux
 * 6.7.
 */
public final class IommuHwptGetDirtyBitmap extends Struct {
  public static final int SIZEOF = 48;
  public static final int SIZE = 0;
  public static final int HWPT_ID = 4;
  public static final int FLAGS = 8;
  public static final int RESERVED = 12;
  public static final int IOVA = 16;
  public static final int LENGTH = 24;
  public static final int PAGE_SIZE = 32;
  public static final int DATA = 40;

  public IommuHwptGetDirtyBitmap() {
    super(SIZEOF);
    putInt(SIZE, SIZEOF);
  }

  public int size() {
    return getInt(SIZE);
  }

  public IommuHwptGetDirtyBitmap size(int value) {
    putInt(SIZE, value);
    return this;
  }

  public int hwptId() {
    return getInt(HWPT_ID);
  }

  public IommuHwptGetDirtyBitmap hwptId(int value) {
    putInt(HWPT_ID, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public IommuHwptGetDirtyBitmap flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public long iova() {
    return getLong(IOVA);
  }

  public IommuHwptGetDirtyBitmap iova(long value) {
    putLong(IOVA, value);
    return this;
  }

  public long length() {
    return getLong(LENGTH);
  }

  public IommuHwptGetDirtyBitmap length(long value) {
    putLong(LENGTH, value);
    return this;
  }

  public long pageSize() {
    return getLong(PAGE_SIZE);
  }

  public IommuHwptGetDirtyBitmap pageSize(long value) {
    putLong(PAGE_SIZE, value);
    return this;
  }

  public long data() {
    return getLong(DATA);
  }

  public IommuHwptGetDirtyBitmap data(long value) {
    putLong(DATA, value);
    return this;
  }
}
