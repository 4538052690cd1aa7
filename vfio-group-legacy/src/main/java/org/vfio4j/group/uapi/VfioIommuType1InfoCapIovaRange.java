// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_iommu_type1_info_cap_iova_range}: the ranges in which IOVAs are allowed follow
 * it. Linux 5.5.
 */
public final class VfioIommuType1InfoCapIovaRange extends Struct {
  public static final int SIZEOF = 16;
  public static final int NR_IOVAS = 8;

  public VfioIommuType1InfoCapIovaRange() {
    super(SIZEOF);
  }

  public int nrIovas() {
    return getInt(NR_IOVAS);
  }

  public VfioIommuType1InfoCapIovaRange nrIovas(int value) {
    putInt(NR_IOVAS, value);
    return this;
  }
}
