// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.testkit.machine.Machine;
import org.vfio4j.testkit.machine.MachineIommu;

/** The IOMMU of the machine, with what all makes have in common: what it can is the machine's. */
abstract class MachineIommuDriver extends IommuDriver {
  private final int bits;
  private final MachineIommu can;

  MachineIommuDriver(Machine machine) {
    this.bits = machine.iommuBits();
    this.can = machine.iommu();
  }

  /** 4 KiB, 2 MiB and 1 GiB: levels of a page table with entries of 64 bits. */
  @Override
  long pageSizes() {
    return 1L << 12 | 1L << 21 | 1L << 30;
  }

  /** The width of IOVAs. */
  final int bits() {
    return bits;
  }

  final MachineIommu can() {
    return can;
  }

  /** Whether a table of a guest can lie over one of its own. */
  boolean canNest() {
    return can.hasNesting();
  }

  /** Whether what guests' tables lie over can have nothing that is mapped for reading alone. */
  boolean nestParentsWantWritable() {
    return false;
  }

  @Override
  final boolean canTrackDirty(Endpoint device) {
    return can.hasDirtyTracking();
  }

  /** It comes with page requests. */
  @Override
  final boolean hasAts(Endpoint device) {
    return can.hasPageFaults();
  }

  @Override
  final PagingDomain allocate(Endpoint device, int flags, UserData data) {
    boolean nesting = (flags & IommufdUapi.IOMMU_HWPT_ALLOC_NEST_PARENT) != 0;
    boolean dirty = (flags & IommufdUapi.IOMMU_HWPT_ALLOC_DIRTY_TRACKING) != 0;
    boolean pasid = (flags & IommufdUapi.IOMMU_HWPT_ALLOC_PASID) != 0;
    boolean wrong =
        data != null
            || (nesting && !canNest())
            || (dirty && !canTrackDirty(device))
            || (pasid && pasidBits(device) == 0);
    KernelError.refuseIf(wrong, Errno.EOPNOTSUPP);
    return new PagingDomain(
        this, IovaRange.bits(bits), dirty, nesting && nestParentsWantWritable());
  }

  /** Of VT-d: prepare_domain_attach_device(). */
  @Override
  final void attach(Endpoint device, IommuDomain domain) {
    boolean dirty = domain instanceof PagingDomain paging && paging.hasDirtyOps();
    KernelError.refuseIf(dirty && !canTrackDirty(device), Errno.EINVAL);
  }
}
