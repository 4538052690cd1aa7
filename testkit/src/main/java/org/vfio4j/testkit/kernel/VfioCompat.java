// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1DmaMap;
import org.vfio4j.group.uapi.VfioIommuType1DmaUnmap;
import org.vfio4j.testkit.machine.Machine.Capability;

/**
 * The calls of a container, on an iommufd.
 *
 * <p>Source: {@code drivers/iommu/iommufd/vfio_compat.c}, where the checks are in the same order.
 */
final class VfioCompat {
  static final int IOMMU_VFIO_IOAS = 0x3B88;

  /** {@code struct iommu_vfio_ioas}. */
  static final int VFIO_IOAS_SIZE = 12;

  private static final int IOAS_ID = 4;
  private static final int OP = 8;
  private static final int RESERVED = 10;
  private static final int GET = 0;
  private static final int SET = 1;
  private static final int CLEAR = 2;

  private static final int ACCESS =
      VfioGroupUapi.VFIO_DMA_MAP_FLAG_READ | VfioGroupUapi.VFIO_DMA_MAP_FLAG_WRITE;

  private final Core core;
  private final IommufdContext context;

  VfioCompat(Core core, IommufdContext context) {
    this.core = core;
    this.context = context;
  }

  int ioctl(int request, UserPointer argument) {
    switch (request) {
      case VfioGroupUapi.VFIO_GET_API_VERSION -> {
        return VfioGroupUapi.VFIO_API_VERSION;
      }
      case VfioGroupUapi.VFIO_CHECK_EXTENSION -> {
        return checkExtension(argument.number());
      }
      case VfioGroupUapi.VFIO_SET_IOMMU -> setIommu(argument.number());
      case VfioGroupUapi.VFIO_IOMMU_GET_INFO -> info(argument);
      case VfioGroupUapi.VFIO_IOMMU_MAP_DMA -> map(argument);
      case VfioGroupUapi.VFIO_IOMMU_UNMAP_DMA -> unmap(argument);
      default -> throw KernelError.of(Errno.ENOTTY);
    }
    return 0;
  }

  /** IOMMU_VFIO_IOAS: which IOAS these calls act on. */
  void choose(UserPointer argument) {
    KernelError.refuseIf(argument.getShort(RESERVED) != 0, Errno.EOPNOTSUPP);
    switch (argument.getShort(OP)) {
      case GET -> argument.putInt(IOAS_ID, context.compat().id());
      case SET -> context.compat(context.ioas(argument.getInt(IOAS_ID)));
      case CLEAR -> context.compat(null);
      default -> throw KernelError.of(Errno.EOPNOTSUPP);
    }
  }

  private int checkExtension(long extension) {
    if (extension == VfioGroupUapi.VFIO_TYPE1_IOMMU
        || extension == VfioGroupUapi.VFIO_TYPE1v2_IOMMU
        || extension == VfioGroupUapi.VFIO_UNMAP_ALL) {
      return context.isNoIommu() ? 0 : 1;
    }
    if (extension == VfioGroupUapi.VFIO_NOIOMMU_IOMMU) {
      return 1;
    }
    if (extension == VfioGroupUapi.VFIO_DMA_CC_IOMMU) {
      // The IOMMU cannot enforce it; without a page table nothing is known against it.
      return context.compat().hwpts().isEmpty() ? 1 : 0;
    }
    return 0;
  }

  private void setIommu(long type) {
    if (type == VfioGroupUapi.VFIO_NOIOMMU_IOMMU && context.isNoIommu()) {
      KernelError.refuseIf(!core.machine().has(Capability.CAP_SYS_RAWIO), Errno.EPERM);
      return;
    }
    boolean known =
        type == VfioGroupUapi.VFIO_TYPE1_IOMMU || type == VfioGroupUapi.VFIO_TYPE1v2_IOMMU;
    KernelError.refuseIf(!known || context.isNoIommu(), Errno.EINVAL);
    Ioas ioas = context.compat();
    if (type == VfioGroupUapi.VFIO_TYPE1_IOMMU) {
      ioas.largePages(false);
    }
  }

  private void map(UserPointer map) {
    checkArgsz(map.getInt(VfioIommuType1DmaMap.ARGSZ), VfioIommuType1DmaMap.SIZEOF);
    int flags = map.getInt(VfioIommuType1DmaMap.FLAGS);
    KernelError.refuseIf((flags & ~ACCESS) != 0, Errno.EINVAL);
    context
        .compat()
        .map(
            context.account(),
            map.getLong(VfioIommuType1DmaMap.VADDR),
            map.getLong(VfioIommuType1DmaMap.SIZE),
            map.getLong(VfioIommuType1DmaMap.IOVA),
            (flags & VfioGroupUapi.VFIO_DMA_MAP_FLAG_WRITE) != 0);
  }

  private void unmap(UserPointer unmap) {
    checkArgsz(unmap.getInt(VfioIommuType1DmaUnmap.ARGSZ), VfioIommuType1DmaUnmap.SIZEOF);
    int flags = unmap.getInt(VfioIommuType1DmaUnmap.FLAGS);
    KernelError.refuseIf((flags & ~VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_ALL) != 0, Errno.EINVAL);
    Ioas ioas = context.compat();
    long iova = unmap.getLong(VfioIommuType1DmaUnmap.IOVA);
    long size = unmap.getLong(VfioIommuType1DmaUnmap.SIZE);
    long[] unmapped = {0};
    if (flags != 0) {
      KernelError.refuseIf(iova != 0 || size != 0, Errno.EINVAL);
      unmapped[0] = ioas.unmapAll();
    } else {
      if (!ioas.hasLargePages()) {
        ioas.cutAfter(iova + size - 1);
        if (iova != 0) {
          ioas.cutAfter(iova - 1);
        }
      }
      try {
        ioas.unmap(iova, size, unmapped);
      } finally {
        // Told also when a part could not be unmapped.
        unmap.putLong(VfioIommuType1DmaUnmap.SIZE, unmapped[0]);
      }
    }
    unmap.putLong(VfioIommuType1DmaUnmap.SIZE, unmapped[0]);
    boolean fine = unmapped[0] != 0 || core.version().unmapsNothing();
    KernelError.refuseIf(!fine, Errno.ENOENT);
  }

  private void info(UserPointer info) {
    Ioas ioas = context.compat();
    long sizes = ioas.hwpts().isEmpty() ? -UserMemory.PAGE : Type1Answer.PAGE_SIZES;
    InfoReply capabilities = new InfoReply();
    Type1Answer.addAvailable(capabilities, -1);
    Type1Answer.addRanges(capabilities, ioas.usable());
    Type1Answer.put(info, sizes, capabilities, true);
  }

  private static void checkArgsz(int argsz, int size) {
    KernelError.refuseIf(Integer.compareUnsigned(argsz, size) < 0, Errno.EINVAL);
  }
}
