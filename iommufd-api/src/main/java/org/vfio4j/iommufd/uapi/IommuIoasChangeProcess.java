// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct iommu_ioas_change_process}: the argument of IOMMU_IOAS_CHANGE_PROCESS. Linux 6.13.
 */
public final class IommuIoasChangeProcess extends Struct {
  public static final int SIZEOF = 8;
  public static final int SIZE = 0;
  public static final int RESERVED = 4;

  public IommuIoasChangeProcess() {
    super(SIZEOF);
    putInt(SIZE, SIZEOF);
  }

  public int size() {
    return getInt(SIZE);
  }

  public IommuIoasChangeProcess size(int value) {
    putInt(SIZE, value);
    return this;
  }
}
