// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct iommu_hwpt_page_response}: the answer to a group of page faults. Linux 6.11. */
public final class IommuHwptPageResponse extends Struct {
  public static final int SIZEOF = 8;
  public static final int COOKIE = 0;
  public static final int CODE = 4;

  public IommuHwptPageResponse() {
    super(SIZEOF);
  }

  public int cookie() {
    return getInt(COOKIE);
  }

  public IommuHwptPageResponse cookie(int value) {
    putInt(COOKIE, value);
    return this;
  }

  public int code() {
    return getInt(CODE);
  }

  public IommuHwptPageResponse code(int value) {
    putInt(CODE, value);
    return this;
  }
}
