// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;
import org.vfio4j.testkit.kernel.FaultQueue.FaultGroup;

/**
 * A make of IOMMU: {@code struct iommu_ops}.
 *
 * <p>What it does not have answers as a driver without the function does.
 */
abstract class IommuDriver {
  /** {@code IOMMU_HW_INFO_TYPE_*}. */
  abstract int hwInfoType();

  /**
   * The struct of a type, for {@code IOMMU_GET_HW_INFO}.
   *
   * @return null when this IOMMU does not tell that
   */
  abstract byte[] hwInfo(int type);

  /** IOMMU_CAP_DIRTY_TRACKING. */
  abstract boolean canTrackDirty(Endpoint device);

  /** The sizes of its pages, each a bit. */
  abstract long pageSizes();

  /** Whether its page tables can make transfers snoop the caches, whatever a device wants. */
  boolean enforcesCoherency() {
    return false;
  }

  /** Bits of the PASIDs of a device; 0 for none. */
  int pasidBits(Endpoint device) {
    return 0;
  }

  /** Whether a device behind it may keep translations itself: ATS. */
  boolean hasAts(Endpoint device) {
    return true;
  }

  /**
   * A page table that the kernel fills.
   *
   * @param flags {@code IOMMU_HWPT_ALLOC_*}
   * @param data null for none
   */
  abstract PagingDomain allocate(Endpoint device, int flags, UserData data);

  /** A page table that a guest fills, on top of one that the kernel fills. */
  NestedDomain allocateNested(Endpoint device, int flags, PagingDomain parent, UserData data) {
    throw KernelError.of(Errno.EOPNOTSUPP);
  }

  /** Refuses a device that the page table does not suit. */
  abstract void attach(Endpoint device, IommuDomain domain);

  /** IOMMU_DEV_FEAT_IOPF: page faults of a device are reported from here on. */
  void enableFaults(Endpoint device) {
    throw KernelError.of(Errno.ENODEV);
  }

  /** Page faults are not reported any more. */
  void disableFaults(Endpoint device) {}

  /** The answer to a group of page faults, for the device. */
  void respond(FaultGroup group, int code) {}

  /** Whether it has virtual IOMMUs of a type. */
  boolean hasVirtual(int type) {
    return false;
  }

  /**
   * A virtual IOMMU over a page table for nesting.
   *
   * @param data null for none
   */
  VirtualIommu makeVirtual(int type, Endpoint device, PagingDomain parent, UserData data) {
    throw KernelError.of(Errno.EOPNOTSUPP);
  }
}
