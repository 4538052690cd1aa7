// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct vfio_region_gfx_edid}: what a region of type GFX, EDID begins with. Linux 4.20. */
public final class VfioRegionGfxEdid extends Struct {
  public static final int SIZEOF = 24;
  public static final int EDID_OFFSET = 0;
  public static final int EDID_MAX_SIZE = 4;
  public static final int EDID_SIZE = 8;
  public static final int MAX_XRES = 12;
  public static final int MAX_YRES = 16;
  public static final int LINK_STATE = 20;

  public VfioRegionGfxEdid() {
    super(SIZEOF);
  }

  public int edidOffset() {
    return getInt(EDID_OFFSET);
  }

  public VfioRegionGfxEdid edidOffset(int value) {
    putInt(EDID_OFFSET, value);
    return this;
  }

  public int edidMaxSize() {
    return getInt(EDID_MAX_SIZE);
  }

  public VfioRegionGfxEdid edidMaxSize(int value) {
    putInt(EDID_MAX_SIZE, value);
    return this;
  }

  public int edidSize() {
    return getInt(EDID_SIZE);
  }

  public VfioRegionGfxEdid edidSize(int value) {
    putInt(EDID_SIZE, value);
    return this;
  }

  public int maxXres() {
    return getInt(MAX_XRES);
  }

  public VfioRegionGfxEdid maxXres(int value) {
    putInt(MAX_XRES, value);
    return this;
  }

  public int maxYres() {
    return getInt(MAX_YRES);
  }

  public VfioRegionGfxEdid maxYres(int value) {
    putInt(MAX_YRES, value);
    return this;
  }

  public int linkState() {
    return getInt(LINK_STATE);
  }

  public VfioRegionGfxEdid linkState(int value) {
    putInt(LINK_STATE, value);
    return this;
  }
}
