// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import org.vfio4j.group.uapi.VfioGroupUapi;

/** Which rules a container's IOMMU follows. */
public enum IommuType {
  /**
   * The first rules, Linux 3.6. Unmapping takes a mapping whole when the range has its first
   * address, and stops without an error where the range starts inside a mapping. On an iommufd a
   * part of a mapping can be unmapped, and the hardware never maps with large pages.
   */
  TYPE1(VfioGroupUapi.VFIO_TYPE1_IOMMU),
  /**
   * Unmapping takes whole mappings, and is an error where the range would split one. Linux 3.15.
   */
  TYPE1_V2(VfioGroupUapi.VFIO_TYPE1v2_IOMMU);

  private final int number;

  IommuType(int number) {
    this.number = number;
  }

  /** The argument of VFIO_SET_IOMMU and VFIO_CHECK_EXTENSION. */
  public int number() {
    return number;
  }
}
