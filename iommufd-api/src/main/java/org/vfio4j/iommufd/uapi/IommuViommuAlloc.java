// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct iommu_viommu_alloc}: the argument of IOMMU_VIOMMU_ALLOC. Linux 6.13; from DATA_LEN
 * on 6.17.
 */
public final class IommuViommuAlloc extends Struct {
  public static final int SIZEOF = 40;
  public static final int SIZE = 0;
  public static final int FLAGS = 4;
  public static final int TYPE = 8;
  public static final int DEV_ID = 12;
  public static final int HWPT_ID = 16;
  public static final int OUT_VIOMMU_ID = 20;
  public static final int DATA_LEN = 24;
  public static final int RESERVED = 28;
  public static final int DATA_UPTR = 32;

  public IommuViommuAlloc() {
    super(SIZEOF);
    putInt(SIZE, SIZEOF);
  }

  public int size() {
    return getInt(SIZE);
  }

  public IommuViommuAlloc size(int value) {
    putInt(SIZE, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public IommuViommuAlloc flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int type() {
    return getInt(TYPE);
  }

  public IommuViommuAlloc type(int value) {
    putInt(TYPE, value);
    return this;
  }

  public int devId() {
    return getInt(DEV_ID);
  }

  public IommuViommuAlloc devId(int value) {
    putInt(DEV_ID, value);
    return this;
  }

  public int hwptId() {
    return getInt(HWPT_ID);
  }

  public IommuViommuAlloc hwptId(int value) {
    putInt(HWPT_ID, value);
    return this;
  }

  public int outViommuId() {
    return getInt(OUT_VIOMMU_ID);
  }

  public IommuViommuAlloc outViommuId(int value) {
    putInt(OUT_VIOMMU_ID, value);
    return this;
  }

  public int dataLen() {
    return getInt(DATA_LEN);
  }

  public IommuViommuAlloc dataLen(int value) {
    putInt(DATA_LEN, value);
    return this;
  }

  public long dataUptr() {
    return getLong(DATA_UPTR);
  }

  public IommuViommuAlloc dataUptr(long value) {
    putLong(DATA_UPTR, value);
    return this;
  }
}
