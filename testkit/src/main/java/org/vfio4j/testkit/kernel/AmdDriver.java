// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.ByteBuffer;
import org.vfio4j.Errno;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.iommufd.uapi.IommuHwInfoAmd;
import org.vfio4j.iommufd.uapi.IommuHwptAmdGuest;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.testkit.machine.KernelVersion;
import org.vfio4j.testkit.machine.Machine;
import org.vfio4j.testkit.machine.MachineIommu;

/**
 * AMD's IOMMU, which tells of itself and walks tables of guests since about Linux 7.0.
 *
 * <p>Source: {@code drivers/iommu/amd}.
 */
final class AmdDriver extends IommuDriver {
  /** Guest translation is there, with 2 to the 16th PASIDs. */
  private static final long EFR = 1L << 4 | 15L << 32;

  private final KernelVersion version;
  private final int bits;
  private final MachineIommu can;

  AmdDriver(KernelVersion version, Machine machine) {
    this.version = version;
    this.bits = machine.iommuBits();
    this.can = machine.iommu();
  }

  private boolean isKnownToGuests() {
    return version.isAtLeast(7, 0);
  }

  @Override
  int hwInfoType() {
    return isKnownToGuests()
        ? IommufdUapi.IOMMU_HW_INFO_TYPE_AMD
        : IommufdUapi.IOMMU_HW_INFO_TYPE_NONE;
  }

  @Override
  byte[] hwInfo(int type) {
    if (type != hwInfoType()) {
      return null;
    }
    return type == IommufdUapi.IOMMU_HW_INFO_TYPE_NONE
        ? new byte[0]
        : new IommuHwInfoAmd().efr(EFR).get(0, IommuHwInfoAmd.SIZEOF);
  }

  @Override
  boolean canTrackDirty(Endpoint device) {
    return can.hasDirtyTracking();
  }

  @Override
  boolean hasAts(Endpoint device) {
    return can.hasPageFaults();
  }

  @Override
  PagingDomain allocate(Endpoint device, int flags, UserData data) {
    boolean nesting = (flags & IommufdUapi.IOMMU_HWPT_ALLOC_NEST_PARENT) != 0;
    boolean dirty = (flags & IommufdUapi.IOMMU_HWPT_ALLOC_DIRTY_TRACKING) != 0;
    boolean pasid = (flags & IommufdUapi.IOMMU_HWPT_ALLOC_PASID) != 0;
    boolean wrong =
        data != null
            || pasid
            || (nesting && !(can.hasNesting() && isKnownToGuests()))
            || (dirty && !can.hasDirtyTracking());
    KernelError.refuseIf(wrong, Errno.EOPNOTSUPP);
    return new PagingDomain(this, UserMemory.PAGE, IovaRange.bits(bits), dirty);
  }

  @Override
  NestedDomain allocateNested(Endpoint device, int flags, PagingDomain parent, UserData data) {
    int type = IommufdUapi.IOMMU_HWPT_DATA_AMD_GUEST;
    boolean unknown = !can.hasNesting() || !isKnownToGuests() || flags != 0 || data.type() != type;
    KernelError.refuseIf(unknown, Errno.EOPNOTSUPP);
    int size = IommuHwptAmdGuest.SIZEOF;
    ByteBuffer entry = data.struct(type, size, size);
    return new AmdNestedDomain(
        this,
        parent,
        entry.getLong(IommuHwptAmdGuest.DTE),
        entry.getLong(IommuHwptAmdGuest.DTE + Long.BYTES));
  }

  @Override
  void attach(Endpoint device, IommuDomain domain) {
    boolean dirty = domain instanceof PagingDomain paging && paging.hasDirtyOps();
    KernelError.refuseIf(dirty && !can.hasDirtyTracking(), Errno.EINVAL);
  }
}
