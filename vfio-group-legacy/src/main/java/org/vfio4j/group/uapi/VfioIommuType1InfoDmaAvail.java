// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct vfio_iommu_type1_info_dma_avail}: how many mappings are left. Linux 5.10. */
public final class VfioIommuType1InfoDmaAvail extends Struct {
  public static final int SIZEOF = 12;
  public static final int AVAIL = 8;

  public VfioIommuType1InfoDmaAvail() {
    super(SIZEOF);
  }

  public int avail() {
    return getInt(AVAIL);
  }

  public VfioIommuType1InfoDmaAvail avail(int value) {
    putInt(AVAIL, value);
    return this;
  }
}
