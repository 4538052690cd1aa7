// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct iommu_ioas_noiommu_get_pa}: the argument of IOMMU_IOAS_NOIOMMU_GET_PA. Newer than
 * Linux 7.1.
 */
public final class IommuIoasNoiommuGetPa extends Struct {
  public static final int SIZEOF = 40;
  public static final int SIZE = 0;
  public static final int FLAGS = 4;
  public static final int IOAS_ID = 8;
  public static final int RESERVED = 12;
  public static final int IOVA = 16;
  public static final int LENGTH = 24;
  public static final int OUT_PHYS = 32;

  public IommuIoasNoiommuGetPa() {
    super(SIZEOF);
    putInt(SIZE, SIZEOF);
  }

  public int size() {
    return getInt(SIZE);
  }

  public IommuIoasNoiommuGetPa size(int value) {
    putInt(SIZE, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public IommuIoasNoiommuGetPa flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int ioasId() {
    return getInt(IOAS_ID);
  }

  public IommuIoasNoiommuGetPa ioasId(int value) {
    putInt(IOAS_ID, value);
    return this;
  }

  public long iova() {
    return getLong(IOVA);
  }

  public IommuIoasNoiommuGetPa iova(long value) {
    putLong(IOVA, value);
    return this;
  }

  public long length() {
    return getLong(LENGTH);
  }

  public IommuIoasNoiommuGetPa length(long value) {
    putLong(LENGTH, value);
    return this;
  }

  public long outPhys() {
    return getLong(OUT_PHYS);
  }

  public IommuIoasNoiommuGetPa outPhys(long value) {
    putLong(OUT_PHYS, value);
    return this;
  }
}
