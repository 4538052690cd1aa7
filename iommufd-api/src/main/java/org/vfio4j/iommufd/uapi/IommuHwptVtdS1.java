// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct iommu_hwpt_vtd_s1}: the first stage of an Intel VT-d, for IOMMU_HWPT_ALLOC. Linux
 * 6.7.
 */
public final class IommuHwptVtdS1 extends Struct {
  public static final int SIZEOF = 24;
  public static final int FLAGS = 0;
  public static final int PGTBL_ADDR = 8;
  public static final int ADDR_WIDTH = 16;
  public static final int RESERVED = 20;

  public IommuHwptVtdS1() {
    super(SIZEOF);
  }

  public long flags() {
    return getLong(FLAGS);
  }

  public IommuHwptVtdS1 flags(long value) {
    putLong(FLAGS, value);
    return this;
  }

  public long pgtblAddr() {
    return getLong(PGTBL_ADDR);
  }

  public IommuHwptVtdS1 pgtblAddr(long value) {
    putLong(PGTBL_ADDR, value);
    return this;
  }

  public int addrWidth() {
    return getInt(ADDR_WIDTH);
  }

  public IommuHwptVtdS1 addrWidth(int value) {
    putInt(ADDR_WIDTH, value);
    return this;
  }
}
