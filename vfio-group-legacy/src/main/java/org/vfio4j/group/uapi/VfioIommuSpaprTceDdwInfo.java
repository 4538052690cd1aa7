// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct vfio_iommu_spapr_tce_ddw_info}: dynamic windows, inside the info. Linux 4.2. */
public final class VfioIommuSpaprTceDdwInfo extends Struct {
  public static final int SIZEOF = 16;
  public static final int PGSIZES = 0;
  public static final int MAX_DYNAMIC_WINDOWS_SUPPORTED = 8;
  public static final int LEVELS = 12;

  public VfioIommuSpaprTceDdwInfo() {
    super(SIZEOF);
  }

  public long pgsizes() {
    return getLong(PGSIZES);
  }

  public VfioIommuSpaprTceDdwInfo pgsizes(long value) {
    putLong(PGSIZES, value);
    return this;
  }

  public int maxDynamicWindowsSupported() {
    return getInt(MAX_DYNAMIC_WINDOWS_SUPPORTED);
  }

  public VfioIommuSpaprTceDdwInfo maxDynamicWindowsSupported(int value) {
    putInt(MAX_DYNAMIC_WINDOWS_SUPPORTED, value);
    return this;
  }

  public int levels() {
    return getInt(LEVELS);
  }

  public VfioIommuSpaprTceDdwInfo levels(int value) {
    putInt(LEVELS, value);
    return this;
  }
}
