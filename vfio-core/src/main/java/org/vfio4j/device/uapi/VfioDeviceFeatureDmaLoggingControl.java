// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_device_feature_dma_logging_control}: data of
 * VFIO_DEVICE_FEATURE_DMA_LOGGING_START. Linux 6.1.
 */
public final class VfioDeviceFeatureDmaLoggingControl extends Struct {
  public static final int SIZEOF = 24;
  public static final int PAGE_SIZE = 0;
  public static final int NUM_RANGES = 8;
  public static final int RANGES = 16;

  public VfioDeviceFeatureDmaLoggingControl() {
    super(SIZEOF);
  }

  public long pageSize() {
    return getLong(PAGE_SIZE);
  }

  public VfioDeviceFeatureDmaLoggingControl pageSize(long value) {
    putLong(PAGE_SIZE, value);
    return this;
  }

  public int numRanges() {
    return getInt(NUM_RANGES);
  }

  public VfioDeviceFeatureDmaLoggingControl numRanges(int value) {
    putInt(NUM_RANGES, value);
    return this;
  }

  public long ranges() {
    return getLong(RANGES);
  }

  public VfioDeviceFeatureDmaLoggingControl ranges(long value) {
    putLong(RANGES, value);
    return this;
  }
}
