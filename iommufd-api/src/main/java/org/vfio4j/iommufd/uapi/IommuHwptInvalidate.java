// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct iommu_hwpt_invalidate}: the argument of IOMMU_HWPT_INVALIDATE. Linux 6.8. */
public final class IommuHwptInvalidate extends Struct {
  public static final int SIZEOF = 32;
  public static final int SIZE = 0;
  public static final int HWPT_ID = 4;
  public static final int DATA_UPTR = 8;
  public static final int DATA_TYPE = 16;
  public static final int ENTRY_LEN = 20;
  public static final int ENTRY_NUM = 24;
  public static final int RESERVED = 28;

  public IommuHwptInvalidate() {
    super(SIZEOF);
    putInt(SIZE, SIZEOF);
  }

  public int size() {
    return getInt(SIZE);
  }

  public IommuHwptInvalidate size(int value) {
    putInt(SIZE, value);
    return this;
  }

  public int hwptId() {
    return getInt(HWPT_ID);
  }

  public IommuHwptInvalidate hwptId(int value) {
    putInt(HWPT_ID, value);
    return this;
  }

  public long dataUptr() {
    return getLong(DATA_UPTR);
  }

  public IommuHwptInvalidate dataUptr(long value) {
    putLong(DATA_UPTR, value);
    return this;
  }

  public int dataType() {
    return getInt(DATA_TYPE);
  }

  public IommuHwptInvalidate dataType(int value) {
    putInt(DATA_TYPE, value);
    return this;
  }

  public int entryLen() {
    return getInt(ENTRY_LEN);
  }

  public IommuHwptInvalidate entryLen(int value) {
    putInt(ENTRY_LEN, value);
    return this;
  }

  public int entryNum() {
    return getInt(ENTRY_NUM);
  }

  public IommuHwptInvalidate entryNum(int value) {
    putInt(ENTRY_NUM, value);
    return this;
  }
}
