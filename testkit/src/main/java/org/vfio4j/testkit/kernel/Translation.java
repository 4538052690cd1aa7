// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.testkit.kernel.IovaSpace.Mapping;

/** What stands between a group's devices and the memory. */
interface Translation {
  /**
   * Where an address of a device leads: an IOVA of what {@link #find} knows, right for the rest of
   * its page at least; the address itself where there is one stage only.
   *
   * @return null where the page table of a guest leads nowhere, or does not let write
   */
  default Long toIova(long address, boolean write) {
    return address;
  }

  /** How many bytes from an address on {@link #toIova} is right for. */
  default long sameFrom(long address) {
    return Long.MAX_VALUE;
  }

  /** The mapping with this IOVA; null where there is none. */
  Mapping find(long iova);

  /** A device has written from here on. */
  default void written(long iova, long length) {}

  /** A device could not reach an address. */
  default void fault(PciDevice device, long address, boolean write) {}
}
