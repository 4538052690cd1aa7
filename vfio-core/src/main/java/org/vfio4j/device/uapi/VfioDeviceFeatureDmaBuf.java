// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_device_feature_dma_buf}: data of VFIO_DEVICE_FEATURE_DMA_BUF, followed by the
 * ranges. Linux 6.19.
 */
public final class VfioDeviceFeatureDmaBuf extends Struct {
  public static final int SIZEOF = 16;
  public static final int REGION_INDEX = 0;
  public static final int OPEN_FLAGS = 4;
  public static final int FLAGS = 8;
  public static final int NR_RANGES = 12;
  public static final int DMA_RANGES = 16;

  /** With room for ranges behind the struct, in bytes. */
  public VfioDeviceFeatureDmaBuf(int bytes) {
    super(SIZEOF + bytes);
  }

  public int regionIndex() {
    return getInt(REGION_INDEX);
  }

  public VfioDeviceFeatureDmaBuf regionIndex(int value) {
    putInt(REGION_INDEX, value);
    return this;
  }

  public int openFlags() {
    return getInt(OPEN_FLAGS);
  }

  public VfioDeviceFeatureDmaBuf openFlags(int value) {
    putInt(OPEN_FLAGS, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioDeviceFeatureDmaBuf flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int nrRanges() {
    return getInt(NR_RANGES);
  }

  public VfioDeviceFeatureDmaBuf nrRanges(int value) {
    putInt(NR_RANGES, value);
    return this;
  }
}
