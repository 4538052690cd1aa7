// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_iommu_type1_info}: the argument of VFIO_IOMMU_GET_INFO, {@code cap_offset}
 * since Linux 5.5.
 */
public final class VfioIommuType1Info extends Struct {
  public static final int SIZEOF = 24;
  public static final int ARGSZ = 0;
  public static final int FLAGS = 4;
  public static final int IOVA_PGSIZES = 8;
  public static final int CAP_OFFSET = 16;

  /** With room for capabilities behind the struct, in bytes. */
  public VfioIommuType1Info(int bytes) {
    super(SIZEOF + bytes);
    putInt(ARGSZ, capacity());
  }

  public int argsz() {
    return getInt(ARGSZ);
  }

  public VfioIommuType1Info argsz(int value) {
    putInt(ARGSZ, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioIommuType1Info flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public long iovaPgsizes() {
    return getLong(IOVA_PGSIZES);
  }

  public VfioIommuType1Info iovaPgsizes(long value) {
    putLong(IOVA_PGSIZES, value);
    return this;
  }

  public int capOffset() {
    return getInt(CAP_OFFSET);
  }

  public VfioIommuType1Info capOffset(int value) {
    putInt(CAP_OFFSET, value);
    return this;
  }
}
