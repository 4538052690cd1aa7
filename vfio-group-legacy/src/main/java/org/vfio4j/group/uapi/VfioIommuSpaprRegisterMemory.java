// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_iommu_spapr_register_memory}: the argument of VFIO_IOMMU_SPAPR_REGISTER_MEMORY
 * and VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY. Linux 4.2.
 */
public final class VfioIommuSpaprRegisterMemory extends Struct {
  public static final int SIZEOF = 24;
  public static final int ARGSZ = 0;
  public static final int FLAGS = 4;
  public static final int VADDR = 8;
  public static final int SIZE = 16;

  public VfioIommuSpaprRegisterMemory() {
    super(SIZEOF);
    putInt(ARGSZ, SIZEOF);
  }

  public int argsz() {
    return getInt(ARGSZ);
  }

  public VfioIommuSpaprRegisterMemory argsz(int value) {
    putInt(ARGSZ, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioIommuSpaprRegisterMemory flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public long vaddr() {
    return getLong(VADDR);
  }

  public VfioIommuSpaprRegisterMemory vaddr(long value) {
    putLong(VADDR, value);
    return this;
  }

  public long size() {
    return getLong(SIZE);
  }

  public VfioIommuSpaprRegisterMemory size(long value) {
    putLong(SIZE, value);
    return this;
  }
}
