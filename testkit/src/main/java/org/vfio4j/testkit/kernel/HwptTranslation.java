// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.List;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.testkit.kernel.FaultQueue.Fault;
import org.vfio4j.testkit.kernel.FaultQueue.FaultGroup;
import org.vfio4j.testkit.kernel.IovaSpace.Mapping;

/** Through a page table of an iommufd: it notes what is written, and tells of page faults. */
final class HwptTranslation implements Translation {
  private static final long PAGE = UserMemory.PAGE;

  private final Hwpt hwpt;
  private final IommufdGroup group;
  private final int pasid;
  private int requests;

  HwptTranslation(Hwpt hwpt, IommufdGroup group, int pasid) {
    this.hwpt = hwpt;
    this.group = group;
    this.pasid = pasid;
  }

  @Override
  public Long toIova(long address, boolean write) {
    return hwpt instanceof NestedHwpt nested
        ? nested.domain().translate(address, write, this::readGuest)
        : (Long) address;
  }

  @Override
  public long sameFrom(long address) {
    return hwpt instanceof NestedHwpt ? PAGE - (address & (PAGE - 1)) : Long.MAX_VALUE;
  }

  /** A word of a guest's page table; null where its memory has none. */
  private Long readGuest(long iova) {
    Mapping mapping = find(iova);
    if (mapping == null || mapping.lengthFrom(iova) < Long.BYTES) {
      return null;
    }
    byte[] bytes = new byte[Long.BYTES];
    mapping.read(iova, bytes, 0, bytes.length);
    long word = 0;
    for (int i = Long.BYTES - 1; i >= 0; i--) {
      word = word << Byte.SIZE | Byte.toUnsignedLong(bytes[i]);
    }
    return word;
  }

  @Override
  public Mapping find(long iova) {
    return hwpt.paging().ioas().areas().find(iova);
  }

  @Override
  public void written(long iova, long length) {
    hwpt.paging().domain().written(iova, length);
  }

  /** A page request, where the page table has somebody to ask. */
  @Override
  public void fault(PciDevice device, long address, boolean write) {
    Vdevice known = group.attachment(pasid).device().vdevice();
    if (hwpt instanceof NestedHwpt && known != null) {
      known.viommu().iommu().fault(known, address, write);
    }
    if (hwpt.faults() == null) {
      return;
    }
    int flags = IommufdUapi.IOMMU_PGFAULT_FLAGS_LAST_PAGE;
    if (pasid != IommufdGroup.NO_PASID) {
      flags |= IommufdUapi.IOMMU_PGFAULT_FLAGS_PASID_VALID;
    }
    int permissions =
        write ? IommufdUapi.IOMMU_PGFAULT_PERM_WRITE : IommufdUapi.IOMMU_PGFAULT_PERM_READ;
    Fault fault = new Fault(flags, pasid, requests++, permissions, address & -PAGE);
    hwpt.faults().report(new FaultGroup(group.attachment(pasid), List.of(fault)));
  }
}
