// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct iommu_ioas_iova_ranges}: the argument of IOMMU_IOAS_IOVA_RANGES. Linux 6.2. */
public final class IommuIoasIovaRanges extends Struct {
  public static final int SIZEOF = 32;
  public static final int SIZE = 0;
  public static final int IOAS_ID = 4;
  public static final int NUM_IOVAS = 8;
  public static final int RESERVED = 12;
  public static final int ALLOWED_IOVAS = 16;
  public static final int OUT_IOVA_ALIGNMENT = 24;

  public IommuIoasIovaRanges() {
    super(SIZEOF);
    putInt(SIZE, SIZEOF);
  }

  public int size() {
    return getInt(SIZE);
  }

  public IommuIoasIovaRanges size(int value) {
    putInt(SIZE, value);
    return this;
  }

  public int ioasId() {
    return getInt(IOAS_ID);
  }

  public IommuIoasIovaRanges ioasId(int value) {
    putInt(IOAS_ID, value);
    return this;
  }

  public int numIovas() {
    return getInt(NUM_IOVAS);
  }

  public IommuIoasIovaRanges numIovas(int value) {
    putInt(NUM_IOVAS, value);
    return this;
  }

  public long allowedIovas() {
    return getLong(ALLOWED_IOVAS);
  }

  public IommuIoasIovaRanges allowedIovas(long value) {
    putLong(ALLOWED_IOVAS, value);
    return this;
  }

  public long outIovaAlignment() {
    return getLong(OUT_IOVA_ALIGNMENT);
  }

  public IommuIoasIovaRanges outIovaAlignment(long value) {
    putLong(OUT_IOVA_ALIGNMENT, value);
    return this;
  }
}
