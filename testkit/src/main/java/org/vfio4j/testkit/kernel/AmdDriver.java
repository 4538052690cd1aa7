// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.ByteBuffer;
import org.vfio4j.Errno;
import org.vfio4j.iommufd.uapi.IommuHwInfoAmd;
import org.vfio4j.iommufd.uapi.IommuHwptAmdGuest;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.testkit.machine.KernelVersion;
import org.vfio4j.testkit.machine.Machine;

/**
 * AMD's IOMMU, which tells of itself and walks tables of guests since about Linux 7.0.
 *
 * <p>Source: {@code drivers/iommu/amd}.
 */
final class AmdDriver extends MachineIommuDriver {
  /** Guest translation is there, with 2 to the 16th PASIDs. */
  private static final long EFR = 1L << 4 | 15L << 32;

  private final KernelVersion version;

  AmdDriver(KernelVersion version, Machine machine) {
    super(machine);
    this.version = version;
  }

  /** AMD_IOMMU_PGSIZES: every power of two from 4 KiB on, but for 512 GiB. */
  @Override
  long pageSizes() {
    return (1L << 52) - (1L << 12) & ~(1L << 39);
  }

  @Override
  boolean enforcesCoherency() {
    return true;
  }

  private boolean isKnownToGuests() {
    return version.isAtLeast(7, 0);
  }

  @Override
  boolean canNest() {
    return super.canNest() && isKnownToGuests();
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
  NestedDomain allocateNested(Endpoint device, int flags, PagingDomain parent, UserData data) {
    int type = IommufdUapi.IOMMU_HWPT_DATA_AMD_GUEST;
    boolean unknown = !canNest() || flags != 0 || data.type() != type;
    KernelError.refuseIf(unknown, Errno.EOPNOTSUPP);
    int size = IommuHwptAmdGuest.SIZEOF;
    ByteBuffer entry = data.struct(type, size, size);
    return new AmdNestedDomain(
        this,
        parent,
        entry.getLong(IommuHwptAmdGuest.DTE),
        entry.getLong(IommuHwptAmdGuest.DTE + Long.BYTES));
  }
}
