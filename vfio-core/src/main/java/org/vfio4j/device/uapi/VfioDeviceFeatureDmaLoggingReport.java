// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_device_feature_dma_logging_report}: data of
 * VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT. Linux 6.1.
 */
public final class VfioDeviceFeatureDmaLoggingReport extends Struct {
  public static final int SIZEOF = 32;
  public static final int IOVA = 0;
  public static final int LENGTH = 8;
  public static final int PAGE_SIZE = 16;
  public static final int BITMAP = 24;

  public VfioDeviceFeatureDmaLoggingReport() {
    super(SIZEOF);
  }

  public long iova() {
    return getLong(IOVA);
  }

  public VfioDeviceFeatureDmaLoggingReport iova(long value) {
    putLong(IOVA, value);
    return this;
  }

  public long length() {
    return getLong(LENGTH);
  }

  public VfioDeviceFeatureDmaLoggingReport length(long value) {
    putLong(LENGTH, value);
    return this;
  }

  public long pageSize() {
    return getLong(PAGE_SIZE);
  }

  public VfioDeviceFeatureDmaLoggingReport pageSize(long value) {
    putLong(PAGE_SIZE, value);
    return this;
  }

  public long bitmap() {
    return getLong(BITMAP);
  }

  public VfioDeviceFeatureDmaLoggingReport bitmap(long value) {
    putLong(BITMAP, value);
    return this;
  }
}
