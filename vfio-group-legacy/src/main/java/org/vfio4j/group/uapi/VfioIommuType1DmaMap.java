// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct vfio_iommu_type1_dma_map}: the argument of VFIO_IOMMU_MAP_DMA. */
public final class VfioIommuType1DmaMap extends Struct {
  public static final int SIZEOF = 32;
  public static final int ARGSZ = 0;
  public static final int FLAGS = 4;
  public static final int VADDR = 8;
  public static final int IOVA = 16;
  public static final int SIZE = 24;

  public VfioIommuType1DmaMap() {
    super(SIZEOF);
    putInt(ARGSZ, SIZEOF);
  }

  public int argsz() {
    return getInt(ARGSZ);
  }

  public VfioIommuType1DmaMap argsz(int value) {
    putInt(ARGSZ, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioIommuType1DmaMap flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public long vaddr() {
    return getLong(VADDR);
  }

  public VfioIommuType1DmaMap vaddr(long value) {
    putLong(VADDR, value);
    return this;
  }

  public long iova() {
    return getLong(IOVA);
  }

  public VfioIommuType1DmaMap iova(long value) {
    putLong(IOVA, value);
    return this;
  }

  public long size() {
    return getLong(SIZE);
  }

  public VfioIommuType1DmaMap size(long value) {
    putLong(SIZE, value);
    return this;
  }
}
