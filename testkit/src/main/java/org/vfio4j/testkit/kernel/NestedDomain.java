// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

/** A page table that a guest fills, in its own memory. */
abstract class NestedDomain extends IommuDomain {
  private final PagingDomain parent;

  NestedDomain(IommuDriver owner, PagingDomain parent) {
    super(owner);
    this.parent = parent;
  }

  final PagingDomain parent() {
    return parent;
  }

  /** What a page table lies in. */
  interface GuestMemory {
    /** A word at an IOVA of the parent; null where nothing is mapped. */
    Long word(long iova);
  }

  /**
   * Where an address of a device leads in the parent.
   *
   * @return null where it leads nowhere, or must not be written
   */
  abstract Long translate(long address, boolean write, GuestMemory memory);

  /** Forgets what was kept of the guest's table, entry by entry, as far as it goes. */
  abstract void invalidate(UserArray entries);
}
