// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

import java.lang.ref.Reference;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.dma.DirtyBitmap;
import org.vfio4j.iommufd.uapi.IommuHwptAlloc;
import org.vfio4j.iommufd.uapi.IommuHwptGetDirtyBitmap;
import org.vfio4j.iommufd.uapi.IommuHwptSetDirtyTracking;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.memory.NativeBlock;

/**
 * A hardware page table over an {@link Ioas}: it holds all that the IOAS has mapped, now and later.
 *
 * <p>It is made for the IOMMU of one device, and takes every device that this IOMMU serves. From
 * its making on the memory of the IOAS is pinned, whether a device is attached or not.
 *
 * <p>Thread safe. Linux 6.6. Source: {@code drivers/iommu/iommufd/hw_pagetable.c}.
 */
public final class PagingHwpt extends Hwpt {
  private static final ThreadLocal<IommuHwptGetDirtyBitmap> BITMAP =
      ThreadLocal.withInitial(IommuHwptGetDirtyBitmap::new);

  private final Ioas ioas;

  private PagingHwpt(Ioas ioas, HwptId id, FaultQueue faults) {
    super(ioas.iommufd(), id, faults, lifetime(ioas.iommufd(), id, faults, ioas.lifetime()));
    this.ioas = ioas;
  }

  /** What is to be made. Not thread safe. */
  public static final class Builder {
    private final Ioas ioas;
    private final DevId device;
    private int flags;
    private FaultQueue faults;

    Builder(Ioas ioas, DevId device) {
      this.ioas = ioas;
      this.device = device;
    }

    /** It can be asked which pages devices have written. Linux 6.7, and an IOMMU that can. */
    public Builder dirtyTracking() {
      flags |= IommufdUapi.IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
      return this;
    }

    /**
     * Page tables of a guest can be nested on it. Linux 6.7, and an IOMMU that can. With Intel VT-d
     * nothing in it can be mapped for reading alone (erratum 772415, whatever the hardware): EINVAL
     * here, and where it is to be mapped later.
     */
    public Builder nestParent() {
      flags |= IommufdUapi.IOMMU_HWPT_ALLOC_NEST_PARENT;
      return this;
    }

    /** It can be attached for a PASID of a device, and beside one that is. Linux 6.15. */
    public Builder pasid() {
      flags |= IommufdUapi.IOMMU_HWPT_ALLOC_PASID;
      return this;
    }

    /** Page faults of its devices go there. Linux 6.13; before, only nested page tables can. */
    public Builder faultsTo(FaultQueue queue) {
      faults = queue;
      flags |= IommufdUapi.IOMMU_HWPT_FAULT_ID_VALID;
      return this;
    }

    /**
     * Makes it.
     *
     * @throws VfioException ({@link Reason#NOT_SUPPORTED}: EOPNOTSUPP for a flag that this kernel
     *     or this IOMMU does not know, {@link Reason#NO_SUCH_DEVICE}: ENOENT when the device id is
     *     that of no physical device, {@link Reason#OVERLAP}: EADDRINUSE when something is mapped
     *     where the IOMMU cannot, {@link Reason#LIMIT}: ENOMEM, {@link Reason#INVALID_ARGUMENT}:
     *     EFAULT when memory that is mapped cannot be pinned, EINVAL when a mapping does not suit a
     *     page table for nesting)
     */
    public PagingHwpt allocate() {
      ioas.lifetime().enter();
      try {
        IommuHwptAlloc alloc =
            new IommuHwptAlloc().flags(flags).devId(device.value()).ptId(ioas.id().value());
        String what = "for " + device + " over " + ioas;
        return new PagingHwpt(ioas, allocateFor(faults, ioas, alloc, what), faults);
      } finally {
        ioas.lifetime().leave();
      }
    }

    private static HwptId allocateFor(
        FaultQueue faults, Ioas ioas, IommuHwptAlloc alloc, String what) {
      if (faults == null) {
        return Hwpt.allocate(ioas.iommufd(), alloc, what);
      }
      faults.lifetime().enter();
      try {
        return Hwpt.allocate(ioas.iommufd(), alloc.faultId(faults.id()), what);
      } finally {
        faults.lifetime().leave();
      }
    }
  }

  /** The space whose mappings it holds. */
  public Ioas ioas() {
    return ioas;
  }

  /**
   * Starts or ends the noting of written pages; starting forgets what was noted before.
   *
   * @throws VfioException ({@link Reason#NOT_SUPPORTED}: EOPNOTSUPP when it was not made {@link
   *     Builder#dirtyTracking() for that}, {@link Reason#NOT_IN_KERNEL} before Linux 6.7)
   */
  public void setDirtyTracking(boolean enabled) {
    lifetime().enter();
    try {
      IommuHwptSetDirtyTracking set =
          new IommuHwptSetDirtyTracking()
              .hwptId(id().value())
              .flags(enabled ? IommufdUapi.IOMMU_HWPT_DIRTY_TRACKING_ENABLE : 0);
      int result =
          iommufd()
              .kernel()
              .ioctl(iommufd().fdForChildren(), IommufdUapi.IOMMU_HWPT_SET_DIRTY_TRACKING, set);
      if (result < 0) {
        throw HwptErrors.dirtyTracking(this, result);
      }
    } finally {
      lifetime().leave();
    }
  }

  /**
   * Adds to the bitmap which pages of its range devices have written since they were last read, and
   * forgets them.
   *
   * <p>The walk begins with the mapping at the start of the range and ends at the first IOVA that
   * is not mapped: what lies behind a hole is not told, and stays noted. Nothing is noted while
   * tracking is off. Unmapping forgets what was noted: read before.
   *
   * @throws VfioException ({@link Reason#NOT_SUPPORTED}: EOPNOTSUPP when it was not made for that,
   *     {@link Reason#INVALID_ARGUMENT}: EINVAL when the range is not aligned to {@link
   *     Ioas#iovaAlignment}, {@link Reason#NOT_IN_KERNEL} before Linux 6.7)
   */
  public void readDirty(DirtyBitmap bitmap) {
    readDirty(bitmap, 0);
  }

  /** As {@link #readDirty}, and goes on noting them as written, which is cheaper. */
  public void peekDirty(DirtyBitmap bitmap) {
    readDirty(bitmap, IommufdUapi.IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR);
  }

  private void readDirty(DirtyBitmap bitmap, int flags) {
    lifetime().enter();
    try {
      IommuHwptGetDirtyBitmap get =
          BITMAP
              .get()
              .hwptId(id().value())
              .flags(flags)
              .iova(bitmap.iova())
              .length(bitmap.length())
              .pageSize(bitmap.pageSize())
              .data(bitmap.words().address());
      int result =
          iommufd()
              .kernel()
              .ioctl(iommufd().fdForChildren(), IommufdUapi.IOMMU_HWPT_GET_DIRTY_BITMAP, get);
      if (result < 0) {
        throw HwptErrors.dirtyBitmap(this, bitmap, result);
      }
    } finally {
      Reference.reachabilityFence(bitmap);
      lifetime().leave();
    }
  }

  /** A page table of a guest on top of this one, which must be a {@link Builder#nestParent}. */
  public NestedHwpt.Builder nested(DevId device, HwptData data) {
    return new NestedHwpt.Builder(iommufd(), lifetime(), id().value(), toString(), device, data);
  }

  /**
   * A virtual IOMMU over this page table, which must be a {@link Builder#nestParent}. Linux 6.13.
   *
   * @param type {@code IOMMU_VIOMMU_TYPE_*}
   * @throws VfioException ({@link Reason#NOT_SUPPORTED}: EOPNOTSUPP when the IOMMU has no such
   *     slices, {@link Reason#INVALID_ARGUMENT}: EINVAL when this is no parent)
   */
  public Viommu viommu(DevId device, int type) {
    return Viommu.allocate(this, device, type, null);
  }

  /** As {@link #viommu(DevId, int)} with data for it, and from it, in place. Linux 6.17. */
  public Viommu viommu(DevId device, int type, NativeBlock data) {
    return Viommu.allocate(this, device, type, data);
  }
}
