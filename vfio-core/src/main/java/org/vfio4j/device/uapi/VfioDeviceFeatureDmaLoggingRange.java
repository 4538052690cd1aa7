// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_device_feature_dma_logging_range}: an element of the array of
 * VFIO_DEVICE_FEATURE_DMA_LOGGING_START. Linux 6.1.
 */
public final class VfioDeviceFeatureDmaLoggingRange extends Struct {
  public static final int SIZEOF = 16;
  public static final int IOVA = 0;
  public static final int LENGTH = 8;

  public VfioDeviceFeatureDmaLoggingRange() {
    super(SIZEOF);
  }

  public long iova() {
    return getLong(IOVA);
  }

  public VfioDeviceFeatureDmaLoggingRange iova(long value) {
    putLong(IOVA, value);
    return this;
  }

  public long length() {
    return getLong(LENGTH);
  }

  public VfioDeviceFeatureDmaLoggingRange length(long value) {
    putLong(LENGTH, value);
    return this;
  }
}
