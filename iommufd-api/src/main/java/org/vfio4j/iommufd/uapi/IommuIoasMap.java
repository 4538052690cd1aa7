// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct iommu_ioas_map}: the argument of IOMMU_IOAS_MAP. Linux 6.2. */
public final class IommuIoasMap extends Struct {
  public static final int SIZEOF = 40;
  public static final int SIZE = 0;
  public static final int FLAGS = 4;
  public static final int IOAS_ID = 8;
  public static final int RESERVED = 12;
  public static final int USER_VA = 16;
  public static final int LENGTH = 24;
  public static final int IOVA = 32;

  public IommuIoasMap() {
    super(SIZEOF);
    putInt(SIZE, SIZEOF);
  }

  public int size() {
    return getInt(SIZE);
  }

  public IommuIoasMap size(int value) {
    putInt(SIZE, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public IommuIoasMap flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int ioasId() {
    return getInt(IOAS_ID);
  }

  public IommuIoasMap ioasId(int value) {
    putInt(IOAS_ID, value);
    return this;
  }

  public long userVa() {
    return getLong(USER_VA);
  }

  public IommuIoasMap userVa(long value) {
    putLong(USER_VA, value);
    return this;
  }

  public long length() {
    return getLong(LENGTH);
  }

  public IommuIoasMap length(long value) {
    putLong(LENGTH, value);
    return this;
  }

  public long iova() {
    return getLong(IOVA);
  }

  public IommuIoasMap iova(long value) {
    putLong(IOVA, value);
    return this;
  }
}
