// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import java.util.Objects;
import org.vfio4j.memory.Struct;

/**
 * {@code struct iommu_vevent_tegra241_cmdqv}: an event of the command queues of a Tegra241. Linux
 * 6.17.
 */
public final class IommuVeventTegra241Cmdqv extends Struct {
  public static final int SIZEOF = 16;
  public static final int LVCMDQ_ERR_MAP = 0;

  public IommuVeventTegra241Cmdqv() {
    super(SIZEOF);
  }

  /** {@code index}: 0 to 1. */
  public long lvcmdqErrMap(int index) {
    return getLong(LVCMDQ_ERR_MAP + Objects.checkIndex(index, 2) * Long.BYTES);
  }

  public IommuVeventTegra241Cmdqv lvcmdqErrMap(int index, long value) {
    putLong(LVCMDQ_ERR_MAP + Objects.checkIndex(index, 2) * Long.BYTES, value);
    return this;
  }
}
