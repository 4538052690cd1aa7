// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_iommu_spapr_tce_info}: the argument of VFIO_IOMMU_SPAPR_TCE_GET_INFO, {@code
 * ddw} since Linux 4.2.
 */
public final class VfioIommuSpaprTceInfo extends Struct {
  public static final int SIZEOF = 32;
  public static final int ARGSZ = 0;
  public static final int FLAGS = 4;
  public static final int DMA32_WINDOW_START = 8;
  public static final int DMA32_WINDOW_SIZE = 12;
  public static final int DDW = 16;

  public VfioIommuSpaprTceInfo() {
    super(SIZEOF);
    putInt(ARGSZ, SIZEOF);
  }

  public int argsz() {
    return getInt(ARGSZ);
  }

  public VfioIommuSpaprTceInfo argsz(int value) {
    putInt(ARGSZ, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioIommuSpaprTceInfo flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int dma32WindowStart() {
    return getInt(DMA32_WINDOW_START);
  }

  public VfioIommuSpaprTceInfo dma32WindowStart(int value) {
    putInt(DMA32_WINDOW_START, value);
    return this;
  }

  public int dma32WindowSize() {
    return getInt(DMA32_WINDOW_SIZE);
  }

  public VfioIommuSpaprTceInfo dma32WindowSize(int value) {
    putInt(DMA32_WINDOW_SIZE, value);
    return this;
  }
}
