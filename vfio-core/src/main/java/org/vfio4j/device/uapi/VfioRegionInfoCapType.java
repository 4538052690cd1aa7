// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct vfio_region_info_cap_type}: what a device-specific region is. */
public final class VfioRegionInfoCapType extends Struct {
  public static final int SIZEOF = 16;
  public static final int TYPE = 8;
  public static final int SUBTYPE = 12;

  public VfioRegionInfoCapType() {
    super(SIZEOF);
  }

  public int type() {
    return getInt(TYPE);
  }

  public VfioRegionInfoCapType type(int value) {
    putInt(TYPE, value);
    return this;
  }

  public int subtype() {
    return getInt(SUBTYPE);
  }

  public VfioRegionInfoCapType subtype(int value) {
    putInt(SUBTYPE, value);
    return this;
  }
}
