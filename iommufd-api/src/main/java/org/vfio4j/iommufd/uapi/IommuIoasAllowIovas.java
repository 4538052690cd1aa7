// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct iommu_ioas_allow_iovas}: the argument of IOMMU_IOAS_ALLOW_IOVAS. Linux 6.2. */
public final class IommuIoasAllowIovas extends Struct {
  public static final int SIZEOF = 24;
  public static final int SIZE = 0;
  public static final int IOAS_ID = 4;
  public static final int NUM_IOVAS = 8;
  public static final int RESERVED = 12;
  public static final int ALLOWED_IOVAS = 16;

  public IommuIoasAllowIovas() {
    super(SIZEOF);
    putInt(SIZE, SIZEOF);
  }

  public int size() {
    return getInt(SIZE);
  }

  public IommuIoasAllowIovas size(int value) {
    putInt(SIZE, value);
    return this;
  }

  public int ioasId() {
    return getInt(IOAS_ID);
  }

  public IommuIoasAllowIovas ioasId(int value) {
    putInt(IOAS_ID, value);
    return this;
  }

  public int numIovas() {
    return getInt(NUM_IOVAS);
  }

  public IommuIoasAllowIovas numIovas(int value) {
    putInt(NUM_IOVAS, value);
    return this;
  }

  public long allowedIovas() {
    return getLong(ALLOWED_IOVAS);
  }

  public IommuIoasAllowIovas allowedIovas(long value) {
    putLong(ALLOWED_IOVAS, value);
    return this;
  }
}
