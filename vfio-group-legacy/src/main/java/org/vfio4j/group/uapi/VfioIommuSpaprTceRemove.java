// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_iommu_spapr_tce_remove}: the argument of VFIO_IOMMU_SPAPR_TCE_REMOVE. Linux
 * 4.2.
 */
public final class VfioIommuSpaprTceRemove extends Struct {
  public static final int SIZEOF = 16;
  public static final int ARGSZ = 0;
  public static final int FLAGS = 4;
  public static final int START_ADDR = 8;

  public VfioIommuSpaprTceRemove() {
    super(SIZEOF);
    putInt(ARGSZ, SIZEOF);
  }

  public int argsz() {
    return getInt(ARGSZ);
  }

  public VfioIommuSpaprTceRemove argsz(int value) {
    putInt(ARGSZ, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioIommuSpaprTceRemove flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public long startAddr() {
    return getLong(START_ADDR);
  }

  public VfioIommuSpaprTceRemove startAddr(long value) {
    putLong(START_ADDR, value);
    return this;
  }
}
