// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct iommu_iova_range}: an element of the arrays of IOMMU_IOAS_IOVA_RANGES and
 * IOMMU_IOAS_ALLOW_IOVAS. Linux 6.2.
 */
public final class IommuIovaRange extends Struct {
  public static final int SIZEOF = 16;
  public static final int START = 0;
  public static final int LAST = 8;

  public IommuIovaRange() {
    super(SIZEOF);
  }

  public long start() {
    return getLong(START);
  }

  public IommuIovaRange start(long value) {
    putLong(START, value);
    return this;
  }

  public long last() {
    return getLong(LAST);
  }

  public IommuIovaRange last(long value) {
    putLong(LAST, value);
    return this;
  }
}
