// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct iommu_hwpt_vtd_s1_invalidate}: an entry of IOMMU_HWPT_INVALIDATE for Intel VT-d.
 * Linux 6.8.
 */
public final class IommuHwptVtdS1Invalidate extends Struct {
  public static final int SIZEOF = 24;
  public static final int ADDR = 0;
  public static final int NPAGES = 8;
  public static final int FLAGS = 16;
  public static final int RESERVED = 20;

  public IommuHwptVtdS1Invalidate() {
    super(SIZEOF);
  }

  public long addr() {
    return getLong(ADDR);
  }

  public IommuHwptVtdS1Invalidate addr(long value) {
    putLong(ADDR, value);
    return this;
  }

  public long npages() {
    return getLong(NPAGES);
  }

  public IommuHwptVtdS1Invalidate npages(long value) {
    putLong(NPAGES, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public IommuHwptVtdS1Invalidate flags(int value) {
    putInt(FLAGS, value);
    return this;
  }
}
