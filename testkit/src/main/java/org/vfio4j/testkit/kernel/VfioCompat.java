// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.device.uapi.VfioInfoCapHeader;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1DmaMap;
import org.vfio4j.group.uapi.VfioIommuType1DmaUnmap;
import org.vfio4j.group.uapi.VfioIommuType1Info;
import org.vfio4j.group.uapi.VfioIommuType1InfoCapIovaRange;
import org.vfio4j.group.uapi.VfioIommuType1InfoDmaAvail;
import org.vfio4j.group.uapi.VfioIovaRange;
import org.vfio4j.memory.NativeBlock;
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

  private static final int INFO_MIN_SIZE = 16;
  private static final int AVAILABLE_AT = VfioIommuType1Info.SIZEOF;

  private static final int RANGES_SIZE = 16;

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
      return core.version().hasNoIommuOnIommufd() ? 1 : 0;
    }
    if (extension == VfioGroupUapi.VFIO_DMA_CC_IOMMU) {
      // Without a page table nothing is known against it.
      return context.compat().hwpts().stream()
              .allMatch(hwpt -> hwpt.domain().owner().enforcesCoherency())
          ? 1
          : 0;
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
    map.argsz(VfioIommuType1DmaMap.SIZEOF);
    int flags = map.getInt(VfioIommuType1DmaMap.FLAGS);
    KernelError.refuseIf((flags & ~ACCESS) != 0, Errno.EINVAL);
    context
        .compat()
        .map(
            context.account(),
            map.getLong(VfioIommuType1DmaMap.VADDR),
            map.getLong(VfioIommuType1DmaMap.SIZE),
            map.getLong(VfioIommuType1DmaMap.IOVA),
            (flags & VfioGroupUapi.VFIO_DMA_MAP_FLAG_READ) != 0,
            (flags & VfioGroupUapi.VFIO_DMA_MAP_FLAG_WRITE) != 0);
  }

  private void unmap(UserPointer unmap) {
    unmap.argsz(VfioIommuType1DmaUnmap.SIZEOF);
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

  /** Unlike type1 it writes the capabilities that have room, and always says what all need. */
  private void info(UserPointer info) {
    int argsz = info.argsz(INFO_MIN_SIZE);
    Ioas ioas = context.compat();
    List<IovaRange> usable = ioas.usable();
    long room = Integer.toUnsignedLong(argsz);
    int ranges = AVAILABLE_AT + InfoReply.padded(core.version(), VfioIommuType1InfoDmaAvail.SIZEOF);
    int total = ranges + RANGES_SIZE + usable.size() * VfioIovaRange.SIZEOF;
    if (room >= AVAILABLE_AT + VfioIommuType1InfoDmaAvail.SIZEOF) {
      header(info, AVAILABLE_AT, VfioGroupUapi.VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL);
      info.putInt(AVAILABLE_AT + VfioIommuType1InfoDmaAvail.AVAIL, -1);
    }
    for (int i = 0; i < usable.size(); i++) {
      int at = ranges + RANGES_SIZE + i * VfioIovaRange.SIZEOF;
      if (room >= at + VfioIovaRange.SIZEOF) {
        info.putLong(at + VfioIovaRange.START, usable.get(i).start());
        info.putLong(at + VfioIovaRange.END, usable.get(i).last());
      }
    }
    if (room >= total) {
      header(info, ranges, VfioGroupUapi.VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
      info.putInt(ranges + VfioIommuType1InfoCapIovaRange.NR_IOVAS, usable.size());
      info.putInt(ranges + VfioIommuType1InfoCapIovaRange.NR_IOVAS + Integer.BYTES, 0);
    }
    if (room >= ranges) {
      info.putInt(AVAILABLE_AT + VfioInfoCapHeader.NEXT, ranges);
    }
    NativeBlock reply = new NativeBlock(VfioIommuType1Info.SIZEOF);
    reply.putInt(VfioIommuType1Info.ARGSZ, total);
    int flags = VfioGroupUapi.VFIO_IOMMU_INFO_PGSIZES | VfioGroupUapi.VFIO_IOMMU_INFO_CAPS;
    reply.putInt(VfioIommuType1Info.FLAGS, flags);
    reply.putLong(VfioIommuType1Info.IOVA_PGSIZES, ioas.pageSizes());
    reply.putInt(VfioIommuType1Info.CAP_OFFSET, room >= total ? VfioIommuType1Info.SIZEOF : 0);
    info.put(0, reply.get(0, (int) Math.min(room, VfioIommuType1Info.SIZEOF)));
  }

  private static void header(UserPointer info, int at, int id) {
    info.putShort(at + VfioInfoCapHeader.ID, (short) id);
    info.putShort(at + VfioInfoCapHeader.VERSION, (short) 1);
    info.putInt(at + VfioInfoCapHeader.NEXT, 0);
  }
}
