// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct iommu_ioas_unmap}: the argument of IOMMU_IOAS_UNMAP. Linux 6.2. */
public final class IommuIoasUnmap extends Struct {
  public static final int SIZEOF = 24;
  public static final int SIZE = 0;
  public static final int IOAS_ID = 4;
  public static final int IOVA = 8;
  public static final int LENGTH = 16;

  public IommuIoasUnmap() {
    super(SIZEOF);
    putInt(SIZE, SIZEOF);
  }

  public int size() {
    return getInt(SIZE);
  }

  public IommuIoasUnmap size(int value) {
    putInt(SIZE, value);
    return this;
  }

  public int ioasId() {
    return getInt(IOAS_ID);
  }

  public IommuIoasUnmap ioasId(int value) {
    putInt(IOAS_ID, value);
    return this;
  }

  public long iova() {
    return getLong(IOVA);
  }

  public IommuIoasUnmap iova(long value) {
    putLong(IOVA, value);
    return this;
  }

  public long length() {
    return getLong(LENGTH);
  }

  public IommuIoasUnmap length(long value) {
    putLong(LENGTH, value);
    return this;
  }
}
