// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct iommu_ioas_copy}: the argument of IOMMU_IOAS_COPY. Linux 6.2. */
public final class IommuIoasCopy extends Struct {
  public static final int SIZEOF = 40;
  public static final int SIZE = 0;
  public static final int FLAGS = 4;
  public static final int DST_IOAS_ID = 8;
  public static final int SRC_IOAS_ID = 12;
  public static final int LENGTH = 16;
  public static final int DST_IOVA = 24;
  public static final int SRC_IOVA = 32;

  public IommuIoasCopy() {
    super(SIZEOF);
    putInt(SIZE, SIZEOF);
  }

  public int size() {
    return getInt(SIZE);
  }

  public IommuIoasCopy size(int value) {
    putInt(SIZE, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public IommuIoasCopy flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int dstIoasId() {
    return getInt(DST_IOAS_ID);
  }

  public IommuIoasCopy dstIoasId(int value) {
    putInt(DST_IOAS_ID, value);
    return this;
  }

  public int srcIoasId() {
    return getInt(SRC_IOAS_ID);
  }

  public IommuIoasCopy srcIoasId(int value) {
    putInt(SRC_IOAS_ID, value);
    return this;
  }

  public long length() {
    return getLong(LENGTH);
  }

  public IommuIoasCopy length(long value) {
    putLong(LENGTH, value);
    return this;
  }

  public long dstIova() {
    return getLong(DST_IOVA);
  }

  public IommuIoasCopy dstIova(long value) {
    putLong(DST_IOVA, value);
    return this;
  }

  public long srcIova() {
    return getLong(SRC_IOVA);
  }

  public IommuIoasCopy srcIova(long value) {
    putLong(SRC_IOVA, value);
    return this;
  }
}
