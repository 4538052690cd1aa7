// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;

/**
 * A slice of an IOMMU for a guest, in the form of its make: {@code struct iommufd_viommu_ops}.
 *
 * <p>What it does not have answers as a driver without the function does.
 */
abstract class VirtualIommu {
  private final IommuDriver owner;
  private final PagingDomain parent;

  VirtualIommu(IommuDriver owner, PagingDomain parent) {
    this.owner = owner;
    this.parent = parent;
  }

  final IommuDriver owner() {
    return owner;
  }

  final PagingDomain parent() {
    return parent;
  }

  /** A page table that a guest fills. */
  NestedDomain allocateNested(int flags, UserData data) {
    throw KernelError.of(Errno.EOPNOTSUPP);
  }

  /** Forgets what was kept for the guest, entry by entry, as far as it goes. */
  void invalidate(Viommu viommu, UserArray entries) {
    throw KernelError.of(Errno.EOPNOTSUPP);
  }

  /** A device of the guest's could not reach an address, through a table of the guest's. */
  void fault(Vdevice device, long address, boolean write) {}

  /** Registers for the guest itself, a page of them; null for none. */
  DeviceMemory.Registers window() {
    return null;
  }

  /** Refuses a queue that it does not have. */
  void checkQueueType(int type) {
    throw KernelError.of(Errno.EOPNOTSUPP);
  }

  /** A queue at an index. */
  void addQueue(int index) {
    throw KernelError.of(Errno.EOPNOTSUPP);
  }

  void removeQueue(int index) {}
}
