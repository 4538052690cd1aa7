// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct vfio_iommu_type1_dma_unmap}: the argument of VFIO_IOMMU_UNMAP_DMA. */
public final class VfioIommuType1DmaUnmap extends Struct {
  public static final int SIZEOF = 24;
  public static final int ARGSZ = 0;
  public static final int FLAGS = 4;
  public static final int IOVA = 8;
  public static final int SIZE = 16;

  public VfioIommuType1DmaUnmap() {
    super(SIZEOF);
    putInt(ARGSZ, SIZEOF);
  }

  public int argsz() {
    return getInt(ARGSZ);
  }

  public VfioIommuType1DmaUnmap argsz(int value) {
    putInt(ARGSZ, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioIommuType1DmaUnmap flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public long iova() {
    return getLong(IOVA);
  }

  public VfioIommuType1DmaUnmap iova(long value) {
    putLong(IOVA, value);
    return this;
  }

  public long size() {
    return getLong(SIZE);
  }

  public VfioIommuType1DmaUnmap size(long value) {
    putLong(SIZE, value);
    return this;
  }
}
