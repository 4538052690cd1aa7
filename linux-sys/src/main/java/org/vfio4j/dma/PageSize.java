// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.dma;

import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;

/** Which pages memory for a device is made of. */
public enum PageSize {
  /** The machine's page size. */
  NORMAL(0),
  /** Pages of 2 MiB, which the administrator must have set aside: {@code vm.nr_hugepages}. */
  HUGE_2M(21),
  /** Pages of 1 GiB, which the administrator must have set aside. */
  HUGE_1G(30);

  private final int shift;

  PageSize(int shift) {
    this.shift = shift;
  }

  /** In bytes. */
  public long bytes(Kernel kernel) {
    return this == NORMAL ? kernel.pageSize() : 1L << shift;
  }

  int mapFlags() {
    return this == NORMAL ? 0 : Linux.MAP_HUGETLB | shift << Linux.MAP_HUGE_SHIFT;
  }
}
