// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

import java.lang.ref.Reference;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.iommufd.uapi.IommuHwptAlloc;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.Lifetime;

/**
 * The page table of a guest, in the guest's own memory, on top of a {@link PagingHwpt} that says
 * where this memory is: what it translates to is an IOVA of its parent.
 *
 * <p>The guest changes it without telling; what the IOMMU may have kept of it must be {@linkplain
 * #invalidate invalidated}.
 *
 * <p>Thread safe. Linux 6.7. Source: {@code drivers/iommu/iommufd/hw_pagetable.c}.
 */
public final class NestedHwpt extends Hwpt {
  private NestedHwpt(Iommufd iommufd, HwptId id, FaultQueue faults, Lifetime parent) {
    super(iommufd, id, faults, lifetime(iommufd, id, faults, parent));
  }

  /** What is to be made. Not thread safe. */
  public static final class Builder {
    private final Iommufd iommufd;
    private final Lifetime parent;
    private final int parentId;
    private final String parentName;
    private final DevId device;
    private final HwptData data;
    private int flags;
    private FaultQueue faults;

    Builder(
        Iommufd iommufd,
        Lifetime parent,
        int parentId,
        String parentName,
        DevId device,
        HwptData data) {
      this.iommufd = iommufd;
      this.parent = parent;
      this.parentId = parentId;
      this.parentName = parentName;
      this.device = device;
      this.data = data;
    }

    /** Page faults of its devices go there. Linux 6.11. */
    public Builder faultsTo(FaultQueue queue) {
      faults = queue;
      flags |= IommufdUapi.IOMMU_HWPT_FAULT_ID_VALID;
      return this;
    }

    /** It can be attached for a PASID of a device, and beside one that is. Linux 6.15. */
    public Builder pasid() {
      flags |= IommufdUapi.IOMMU_HWPT_ALLOC_PASID;
      return this;
    }

    /**
     * Makes it.
     *
     * @throws VfioException ({@link Reason#NOT_SUPPORTED}: EOPNOTSUPP when this IOMMU cannot nest,
     *     or not with such data, {@link Reason#INVALID_ARGUMENT}: EINVAL when the parent was not
     *     made for it, or the data are wrong, {@link Reason#NO_SUCH_DEVICE}: ENOENT)
     */
    public NestedHwpt allocate() {
      parent.enter();
      try {
        IommuHwptAlloc alloc =
            new IommuHwptAlloc()
                .flags(flags)
                .devId(device.value())
                .ptId(parentId)
                .dataType(data.type())
                .dataLen(data.data().capacity())
                .dataUptr(data.data().address());
        return new NestedHwpt(iommufd, allocate(alloc), faults, parent);
      } finally {
        Reference.reachabilityFence(data);
        parent.leave();
      }
    }

    private HwptId allocate(IommuHwptAlloc alloc) {
      String what = "for " + device + " nested on " + parentName;
      if (faults == null) {
        return Hwpt.allocate(iommufd, alloc, what);
      }
      faults.lifetime().enter();
      try {
        return Hwpt.allocate(iommufd, alloc.faultId(faults.id()), what);
      } finally {
        faults.lifetime().leave();
      }
    }
  }

  /**
   * Has the IOMMU forget what it kept of the guest's page table; the entries are done in their
   * order, and {@link Invalidations#done()} says how many of them.
   *
   * @throws VfioException when an entry is refused: {@link Reason#INVALID_ARGUMENT}: EINVAL, {@link
   *     Reason#NOT_SUPPORTED}: EOPNOTSUPP; those before it are done
   */
  public void invalidate(Invalidations entries) {
    int result = tryInvalidate(entries);
    if (result < 0) {
      throw HwptErrors.invalidate(toString(), entries, result);
    }
  }

  /** As {@link #invalidate}; gives 0, or the negative errno of the entry that was refused. */
  public int tryInvalidate(Invalidations entries) {
    lifetime().enter();
    try {
      return entries.send(iommufd(), id().value());
    } finally {
      lifetime().leave();
    }
  }
}
