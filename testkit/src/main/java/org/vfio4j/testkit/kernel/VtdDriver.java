// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.ByteBuffer;
import org.vfio4j.Errno;
import org.vfio4j.iommufd.uapi.IommuHwInfoVtd;
import org.vfio4j.iommufd.uapi.IommuHwptVtdS1;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.testkit.machine.KernelVersion;
import org.vfio4j.testkit.machine.Machine;

/**
 * Intel VT-d.
 *
 * <p>Source: {@code drivers/iommu/intel/iommu.c}. The registers are those of the VT-d
 * specification, as far as they follow from what the machine's IOMMU can().
 */
final class VtdDriver extends MachineIommuDriver {
  /** CAP_REG: guest address width, pages of 2 MiB and 1 GiB, caching mode. */
  private static final int CAP_MGAW_SHIFT = 16;

  private static final int CAP_SAGAW_SHIFT = 8;
  private static final long CAP_CACHING_MODE = 1L << 7;
  private static final long CAP_2M_AND_1G = 3L << 34;
  private static final long CAP_DOMAINS_64K = 6;

  /** What has no meaning here is as in QEMU's: fault registers, invalidation by page, draining. */
  private static final long CAP_OF_QEMU = 0x22L << 24 | 1L << 39 | 18L << 48 | 3L << 54;

  /** ECAP_REG. */
  private static final long ECAP_QUEUED_INVALIDATION = 1L << 1;

  private static final long ECAP_INTERRUPT_REMAPPING = 1L << 3;

  /** Pass-through, the invalidation registers, masks of interrupt entries. */
  private static final long ECAP_OF_QEMU = 1L << 6 | 0xfL << 8 | 0xfL << 20;

  private static final long ECAP_NESTING = 1L << 26;
  private static final long ECAP_PAGE_REQUESTS = 1L << 29;
  private static final int ECAP_PASID_BITS_SHIFT = 35;
  private static final long ECAP_PASIDS = 1L << 40;
  private static final long ECAP_SCALABLE_MODE = 1L << 43;
  private static final long ECAP_DIRTY_TRACKING = 1L << 45;
  private static final long ECAP_SECOND_STAGE = 1L << 46;
  private static final long ECAP_FIRST_STAGE = 1L << 47;

  private final KernelVersion version;

  VtdDriver(KernelVersion version, Machine machine) {
    super(machine);
    this.version = version;
  }

  @Override
  int hwInfoType() {
    return IommufdUapi.IOMMU_HW_INFO_TYPE_INTEL_VTD;
  }

  @Override
  byte[] hwInfo(int type) {
    // The kernel tells of the erratum whatever the hardware, since there is nesting.
    int errata = version.hasDirtyTracking() ? IommufdUapi.IOMMU_HW_INFO_VTD_ERRATA_772415_SPR17 : 0;
    return type == hwInfoType()
        ? new IommuHwInfoVtd()
            .flags(errata)
            .capReg(capabilities())
            .ecapReg(extended())
            .get(0, IommuHwInfoVtd.SIZEOF)
        : null;
  }

  private long capabilities() {
    // Tables of 3, 4 or 5 levels, which translate 39, 48 or 57 bits.
    long levels = bits() <= 39 ? 1 << 1 : bits() <= 48 ? 1 << 2 : 1 << 3;
    return CAP_DOMAINS_64K
        | CAP_OF_QEMU
        | CAP_CACHING_MODE
        | CAP_2M_AND_1G
        | levels << CAP_SAGAW_SHIFT
        | (long) (bits() - 1) << CAP_MGAW_SHIFT;
  }

  private long extended() {
    long extended = ECAP_QUEUED_INVALIDATION | ECAP_INTERRUPT_REMAPPING | ECAP_OF_QEMU;
    boolean scalable = can().hasDirtyTracking() || canNest() || can().pasidBits() > 0;
    if (scalable) {
      extended |= ECAP_SCALABLE_MODE | ECAP_SECOND_STAGE;
    }
    if (can().hasDirtyTracking()) {
      extended |= ECAP_DIRTY_TRACKING;
    }
    if (canNest()) {
      extended |= ECAP_NESTING | ECAP_FIRST_STAGE;
    }
    if (can().hasPageFaults()) {
      extended |= ECAP_PAGE_REQUESTS;
    }
    if (can().pasidBits() > 0) {
      extended |= ECAP_PASIDS | (can().pasidBits() - 1L) << ECAP_PASID_BITS_SHIFT;
    }
    return extended;
  }

  @Override
  int pasidBits(Endpoint device) {
    return can().pasidBits();
  }

  /** The erratum 772415 again, and again whatever the hardware: __domain_mapping(). */
  @Override
  boolean nestParentsWantWritable() {
    return true;
  }

  @Override
  NestedDomain allocateNested(Endpoint device, int flags, PagingDomain parent, UserData data) {
    boolean unknown =
        !canNest()
            || (flags & ~IommufdUapi.IOMMU_HWPT_ALLOC_PASID) != 0
            || data.type() != IommufdUapi.IOMMU_HWPT_DATA_VTD_S1;
    KernelError.refuseIf(unknown, Errno.EOPNOTSUPP);
    ByteBuffer table =
        data.struct(
            IommufdUapi.IOMMU_HWPT_DATA_VTD_S1, IommuHwptVtdS1.SIZEOF, IommuHwptVtdS1.SIZEOF);
    return new VtdNestedDomain(
        this,
        parent,
        table.getLong(IommuHwptVtdS1.PGTBL_ADDR),
        table.getInt(IommuHwptVtdS1.ADDR_WIDTH));
  }

  @Override
  void enableFaults(Endpoint device) {
    KernelError.refuseIf(!can().hasPageFaults(), Errno.ENODEV);
  }
}
