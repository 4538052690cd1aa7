// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_region_info_cap_sparse_mmap}: the areas of a region that can be mapped follow
 * it.
 */
public final class VfioRegionInfoCapSparseMmap extends Struct {
  public static final int SIZEOF = 16;
  public static final int NR_AREAS = 8;

  public VfioRegionInfoCapSparseMmap() {
    super(SIZEOF);
  }

  public int nrAreas() {
    return getInt(NR_AREAS);
  }

  public VfioRegionInfoCapSparseMmap nrAreas(int value) {
    putInt(NR_AREAS, value);
    return this;
  }
}
