// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_region_dma_range}: an element of the array of VFIO_DEVICE_FEATURE_DMA_BUF.
 * Linux 6.19.
 */
public final class VfioRegionDmaRange extends Struct {
  public static final int SIZEOF = 16;
  public static final int OFFSET = 0;
  public static final int LENGTH = 8;

  public VfioRegionDmaRange() {
    super(SIZEOF);
  }

  public long offset() {
    return getLong(OFFSET);
  }

  public VfioRegionDmaRange offset(long value) {
    putLong(OFFSET, value);
    return this;
  }

  public long length() {
    return getLong(LENGTH);
  }

  public VfioRegionDmaRange length(long value) {
    putLong(LENGTH, value);
    return this;
  }
}
