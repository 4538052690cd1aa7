// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_region_info_cap_nvlink2_lnkspd}: the speed of an NVLink; no driver of Linux
 * 5.13 or later gives it.
 */
public final class VfioRegionInfoCapNvlink2Lnkspd extends Struct {
  public static final int SIZEOF = 16;
  public static final int LINK_SPEED = 8;

  public VfioRegionInfoCapNvlink2Lnkspd() {
    super(SIZEOF);
  }

  public int linkSpeed() {
    return getInt(LINK_SPEED);
  }

  public VfioRegionInfoCapNvlink2Lnkspd linkSpeed(int value) {
    putInt(LINK_SPEED, value);
    return this;
  }
}
