// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct iommu_destroy}: the argument of IOMMU_DESTROY. Linux 6.2. */
public final class IommuDestroy extends Struct {
  public static final int SIZEOF = 8;
  public static final int SIZE = 0;
  public static final int ID = 4;

  public IommuDestroy() {
    super(SIZEOF);
    putInt(SIZE, SIZEOF);
  }

  public int size() {
    return getInt(SIZE);
  }

  public IommuDestroy size(int value) {
    putInt(SIZE, value);
    return this;
  }

  public int id() {
    return getInt(ID);
  }

  public IommuDestroy id(int value) {
    putInt(ID, value);
    return this;
  }
}
