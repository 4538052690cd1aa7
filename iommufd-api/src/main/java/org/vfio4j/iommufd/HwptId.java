// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

/** The id of a hardware page table inside its iommufd. */
public record HwptId(int value) implements PtId {
  @Override
  public String toString() {
    return "HWPT " + value;
  }
}
