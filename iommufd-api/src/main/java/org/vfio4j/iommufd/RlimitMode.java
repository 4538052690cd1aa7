// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

/** How an iommufd counts pinned memory against RLIMIT_MEMLOCK. */
public enum RlimitMode {
  /** All processes of the user together: what a context starts with. */
  PER_USER(0),
  /** This process alone, as VFIO containers count. */
  PER_PROCESS(1);

  private final long number;

  RlimitMode(long number) {
    this.number = number;
  }

  /** What the kernel calls it. */
  long number() {
    return number;
  }

  static RlimitMode of(long number) {
    return number == PER_USER.number ? PER_USER : PER_PROCESS;
  }
}
