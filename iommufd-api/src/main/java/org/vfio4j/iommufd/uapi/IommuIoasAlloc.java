// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct iommu_ioas_alloc}: the argument of IOMMU_IOAS_ALLOC. Linux 6.2. */
public final class IommuIoasAlloc extends Struct {
  public static final int SIZEOF = 12;
  public static final int SIZE = 0;
  public static final int FLAGS = 4;
  public static final int OUT_IOAS_ID = 8;

  public IommuIoasAlloc() {
    super(SIZEOF);
    putInt(SIZE, SIZEOF);
  }

  public int size() {
    return getInt(SIZE);
  }

  public IommuIoasAlloc size(int value) {
    putInt(SIZE, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public IommuIoasAlloc flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int outIoasId() {
    return getInt(OUT_IOAS_ID);
  }

  public IommuIoasAlloc outIoasId(int value) {
    putInt(OUT_IOAS_ID, value);
    return this;
  }
}
