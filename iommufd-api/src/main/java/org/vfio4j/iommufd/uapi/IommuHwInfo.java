// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct iommu_hw_info}: the argument of IOMMU_GET_HW_INFO. Linux 6.6; OUT_CAPABILITIES 6.7,
 * OUT_MAX_PASID_LOG2 6.15. With IOMMU_HW_INFO_FLAG_INPUT_TYPE, Linux 6.17, the data type is an
 * input too.
 */
public final class IommuHwInfo extends Struct {
  public static final int SIZEOF = 40;
  public static final int SIZE = 0;
  public static final int FLAGS = 4;
  public static final int DEV_ID = 8;
  public static final int DATA_LEN = 12;
  public static final int DATA_UPTR = 16;
  public static final int OUT_DATA_TYPE = 24;
  public static final int OUT_MAX_PASID_LOG2 = 28;
  public static final int RESERVED = 29;
  public static final int OUT_CAPABILITIES = 32;

  public IommuHwInfo() {
    super(SIZEOF);
    putInt(SIZE, SIZEOF);
  }

  public int size() {
    return getInt(SIZE);
  }

  public IommuHwInfo size(int value) {
    putInt(SIZE, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public IommuHwInfo flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int devId() {
    return getInt(DEV_ID);
  }

  public IommuHwInfo devId(int value) {
    putInt(DEV_ID, value);
    return this;
  }

  public int dataLen() {
    return getInt(DATA_LEN);
  }

  public IommuHwInfo dataLen(int value) {
    putInt(DATA_LEN, value);
    return this;
  }

  public long dataUptr() {
    return getLong(DATA_UPTR);
  }

  public IommuHwInfo dataUptr(long value) {
    putLong(DATA_UPTR, value);
    return this;
  }

  public int outDataType() {
    return getInt(OUT_DATA_TYPE);
  }

  public IommuHwInfo outDataType(int value) {
    putInt(OUT_DATA_TYPE, value);
    return this;
  }

  public byte outMaxPasidLog2() {
    return getByte(OUT_MAX_PASID_LOG2);
  }

  public IommuHwInfo outMaxPasidLog2(byte value) {
    putByte(OUT_MAX_PASID_LOG2, value);
    return this;
  }

  public long outCapabilities() {
    return getLong(OUT_CAPABILITIES);
  }

  public IommuHwInfo outCapabilities(long value) {
    putLong(OUT_CAPABILITIES, value);
    return this;
  }
}
