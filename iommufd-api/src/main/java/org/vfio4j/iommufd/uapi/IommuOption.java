// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct iommu_option}: the argument of IOMMU_OPTION. Linux 6.2. */
public final class IommuOption extends Struct {
  public static final int SIZEOF = 24;
  public static final int SIZE = 0;
  public static final int OPTION_ID = 4;
  public static final int OP = 8;
  public static final int RESERVED = 10;
  public static final int OBJECT_ID = 12;
  public static final int VAL64 = 16;

  public IommuOption() {
    super(SIZEOF);
    putInt(SIZE, SIZEOF);
  }

  public int size() {
    return getInt(SIZE);
  }

  public IommuOption size(int value) {
    putInt(SIZE, value);
    return this;
  }

  public int optionId() {
    return getInt(OPTION_ID);
  }

  public IommuOption optionId(int value) {
    putInt(OPTION_ID, value);
    return this;
  }

  public short op() {
    return getShort(OP);
  }

  public IommuOption op(short value) {
    putShort(OP, value);
    return this;
  }

  public int objectId() {
    return getInt(OBJECT_ID);
  }

  public IommuOption objectId(int value) {
    putInt(OBJECT_ID, value);
    return this;
  }

  public long val64() {
    return getLong(VAL64);
  }

  public IommuOption val64(long value) {
    putLong(VAL64, value);
    return this;
  }
}
