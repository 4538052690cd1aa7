// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct iommu_vfio_ioas}: the argument of IOMMU_VFIO_IOAS. Linux 6.2. */
public final class IommuVfioIoas extends Struct {
  public static final int SIZEOF = 12;
  public static final int SIZE = 0;
  public static final int IOAS_ID = 4;
  public static final int OP = 8;
  public static final int RESERVED = 10;

  public IommuVfioIoas() {
    super(SIZEOF);
    putInt(SIZE, SIZEOF);
  }

  public int size() {
    return getInt(SIZE);
  }

  public IommuVfioIoas size(int value) {
    putInt(SIZE, value);
    return this;
  }

  public int ioasId() {
    return getInt(IOAS_ID);
  }

  public IommuVfioIoas ioasId(int value) {
    putInt(IOAS_ID, value);
    return this;
  }

  public short op() {
    return getShort(OP);
  }

  public IommuVfioIoas op(short value) {
    putShort(OP, value);
    return this;
  }
}
