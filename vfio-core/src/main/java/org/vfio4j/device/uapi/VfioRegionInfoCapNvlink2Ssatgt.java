// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_region_info_cap_nvlink2_ssatgt}: the address of an NVLink target; no driver of
 * Linux 5.13 or later gives it.
 */
public final class VfioRegionInfoCapNvlink2Ssatgt extends Struct {
  public static final int SIZEOF = 16;
  public static final int TGT = 8;

  public VfioRegionInfoCapNvlink2Ssatgt() {
    super(SIZEOF);
  }

  public long tgt() {
    return getLong(TGT);
  }

  public VfioRegionInfoCapNvlink2Ssatgt tgt(long value) {
    putLong(TGT, value);
    return this;
  }
}
