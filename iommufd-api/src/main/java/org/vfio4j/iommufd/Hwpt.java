// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

import java.util.Optional;
import org.vfio4j.iommufd.uapi.IommuHwptAlloc;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.KernelObject;
import org.vfio4j.linux.Lifetime;

/**
 * A hardware page table that the program made: what devices are attached to where an {@link Ioas}
 * alone, for which the kernel makes one by itself, does not say enough.
 *
 * <p>It keeps open what it was made from, and the kernel refuses to destroy it while a device is
 * attached to it or something was made from it (EBUSY): closing waits for both.
 *
 * <p>Thread safe. Linux 6.6. Source: {@code drivers/iommu/iommufd/hw_pagetable.c}.
 */
public abstract sealed class Hwpt extends KernelObject implements IoPageTable
    permits PagingHwpt, NestedHwpt {
  private final Iommufd iommufd;
  private final HwptId id;
  private final FaultQueue faultQueue;

  Hwpt(Iommufd iommufd, HwptId id, FaultQueue faultQueue, Lifetime lifetime) {
    super(lifetime);
    this.iommufd = iommufd;
    this.id = id;
    this.faultQueue = faultQueue;
  }

  public final HwptId id() {
    return id;
  }

  @Override
  public final PtId ptId() {
    return id;
  }

  @Override
  public final Iommufd iommufd() {
    return iommufd;
  }

  /** Where page faults of devices attached to it go. */
  public final Optional<FaultQueue> faultQueue() {
    return Optional.ofNullable(faultQueue);
  }

  /** IOMMU_HWPT_ALLOC. Call with every object that {@code alloc} names held. */
  static HwptId allocate(Iommufd iommufd, IommuHwptAlloc alloc, String what) {
    iommufd.lifetime().enter();
    try {
      int result =
          iommufd.kernel().ioctl(iommufd.fdForChildren(), IommufdUapi.IOMMU_HWPT_ALLOC, alloc);
      if (result < 0) {
        throw HwptErrors.allocate(what, alloc, iommufd, result);
      }
      return new HwptId(alloc.outHwptId());
    } finally {
      iommufd.lifetime().leave();
    }
  }

  /** That destroys the page table in the end, and holds the parent and the queue until then. */
  static Lifetime lifetime(Iommufd iommufd, HwptId id, FaultQueue faults, Lifetime parent) {
    String name = id + " of " + iommufd.lifetime().name();
    Runnable destroy = iommufd.destroyer(id.value(), name);
    return faults == null
        ? new Lifetime(name, destroy, parent)
        : new Lifetime(name, destroy, parent, faults.lifetime());
  }
}
