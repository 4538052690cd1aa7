// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.TreeSet;
import org.vfio4j.Errno;

/**
 * A slice of an IOMMU for a guest, in the form of its make: {@code struct iommufd_viommu_ops}.
 *
 * <p>What it does not have answers as a driver without the function does.
 */
abstract class VirtualIommu {
  /** Of every make that has any. */
  private static final int QUEUES = 2;

  private final IommuDriver owner;
  private final PagingDomain parent;
  private final TreeSet<Integer> queues = new TreeSet<>();

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

  /** A queue, of a type that it has; they come ascending without a hole. */
  final void addQueue(int index) {
    KernelError.refuseIf(Integer.compareUnsigned(index, QUEUES) >= 0, Errno.EINVAL);
    KernelError.refuseIf(queues.contains(index), Errno.EEXIST);
    KernelError.refuseIf(index != 0 && !queues.contains(index - 1), Errno.EIO);
    queues.add(index);
  }

  final void removeQueue(int index) {
    queues.remove(index);
  }
}
