// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

/** How an iommufd counts pinned memory against RLIMIT_MEMLOCK. In the order of the kernel's numbers. */
public enum RlimitMode {
  /** All processes of the user together: what a context starts with. */
  PER_USER,
  /** This process alone, as VFIO containers count. */
  PER_PROCESS
}
