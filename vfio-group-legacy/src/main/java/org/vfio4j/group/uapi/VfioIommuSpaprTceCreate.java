// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_iommu_spapr_tce_create}: the argument of VFIO_IOMMU_SPAPR_TCE_CREATE. Linux
 * 4.2.
 */
public final class VfioIommuSpaprTceCreate extends Struct {
  public static final int SIZEOF = 40;
  public static final int ARGSZ = 0;
  public static final int FLAGS = 4;
  public static final int PAGE_SHIFT = 8;
  public static final int WINDOW_SIZE = 16;
  public static final int LEVELS = 24;
  public static final int START_ADDR = 32;

  public VfioIommuSpaprTceCreate() {
    super(SIZEOF);
    putInt(ARGSZ, SIZEOF);
  }

  public int argsz() {
    return getInt(ARGSZ);
  }

  public VfioIommuSpaprTceCreate argsz(int value) {
    putInt(ARGSZ, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioIommuSpaprTceCreate flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int pageShift() {
    return getInt(PAGE_SHIFT);
  }

  public VfioIommuSpaprTceCreate pageShift(int value) {
    putInt(PAGE_SHIFT, value);
    return this;
  }

  public long windowSize() {
    return getLong(WINDOW_SIZE);
  }

  public VfioIommuSpaprTceCreate windowSize(long value) {
    putLong(WINDOW_SIZE, value);
    return this;
  }

  public int levels() {
    return getInt(LEVELS);
  }

  public VfioIommuSpaprTceCreate levels(int value) {
    putInt(LEVELS, value);
    return this;
  }

  public long startAddr() {
    return getLong(START_ADDR);
  }

  public VfioIommuSpaprTceCreate startAddr(long value) {
    putLong(START_ADDR, value);
    return this;
  }
}
