// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

import org.vfio4j.iommufd.uapi.IommuHwQueueAlloc;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.KernelObject;
import org.vfio4j.linux.Lifetime;

/**
 * A queue of a guest's that the hardware reads by itself. Thread safe. Linux 6.17. Source: {@code
 * drivers/iommu/iommufd/viommu.c}.
 */
public final class HwQueue extends KernelObject {
  private final int id;

  private HwQueue(int id, Lifetime lifetime) {
    super(lifetime);
    this.id = id;
  }

  static HwQueue allocate(Viommu viommu, int type, int index, long iova, long length) {
    Iommufd iommufd = viommu.iommufd();
    IommuHwQueueAlloc alloc =
        new IommuHwQueueAlloc()
            .viommuId(viommu.id())
            .type(type)
            .index(index)
            .nestingParentIova(iova)
            .length(length);
    int result =
        iommufd.kernel().ioctl(iommufd.fdForChildren(), IommufdUapi.IOMMU_HW_QUEUE_ALLOC, alloc);
    if (result < 0) {
      throw HwptErrors.hwQueue(viommu, iova, length, result);
    }
    int id = alloc.outHwQueueId();
    String name = "hardware queue " + id + " of " + iommufd.lifetime().name();
    return new HwQueue(id, new Lifetime(name, iommufd.destroyer(id, name), viommu.lifetime()));
  }

  /** Its id inside its iommufd. */
  public int id() {
    return id;
  }
}
