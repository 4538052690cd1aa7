// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct iommu_hwpt_alloc}: the argument of IOMMU_HWPT_ALLOC. Linux 6.6; from DATA_TYPE on
 * 6.7, from FAULT_ID on 6.11.
 */
public final class IommuHwptAlloc extends Struct {
  public static final int SIZEOF = 48;
  public static final int SIZE = 0;
  public static final int FLAGS = 4;
  public static final int DEV_ID = 8;
  public static final int PT_ID = 12;
  public static final int OUT_HWPT_ID = 16;
  public static final int RESERVED = 20;
  public static final int DATA_TYPE = 24;
  public static final int DATA_LEN = 28;
  public static final int DATA_UPTR = 32;
  public static final int FAULT_ID = 40;
  public static final int RESERVED2 = 44;

  public IommuHwptAlloc() {
    super(SIZEOF);
    putInt(SIZE, SIZEOF);
  }

  public int size() {
    return getInt(SIZE);
  }

  public IommuHwptAlloc size(int value) {
    putInt(SIZE, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public IommuHwptAlloc flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int devId() {
    return getInt(DEV_ID);
  }

  public IommuHwptAlloc devId(int value) {
    putInt(DEV_ID, value);
    return this;
  }

  public int ptId() {
    return getInt(PT_ID);
  }

  public IommuHwptAlloc ptId(int value) {
    putInt(PT_ID, value);
    return this;
  }

  public int outHwptId() {
    return getInt(OUT_HWPT_ID);
  }

  public IommuHwptAlloc outHwptId(int value) {
    putInt(OUT_HWPT_ID, value);
    return this;
  }

  public int dataType() {
    return getInt(DATA_TYPE);
  }

  public IommuHwptAlloc dataType(int value) {
    putInt(DATA_TYPE, value);
    return this;
  }

  public int dataLen() {
    return getInt(DATA_LEN);
  }

  public IommuHwptAlloc dataLen(int value) {
    putInt(DATA_LEN, value);
    return this;
  }

  public long dataUptr() {
    return getLong(DATA_UPTR);
  }

  public IommuHwptAlloc dataUptr(long value) {
    putLong(DATA_UPTR, value);
    return this;
  }

  public int faultId() {
    return getInt(FAULT_ID);
  }

  public IommuHwptAlloc faultId(int value) {
    putInt(FAULT_ID, value);
    return this;
  }
}
