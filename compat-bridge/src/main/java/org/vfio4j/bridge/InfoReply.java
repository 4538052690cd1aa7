// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.util.ArrayList;
import java.util.List;
import org.vfio4j.device.uapi.VfioInfoCapHeader;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1Info;
import org.vfio4j.group.uapi.VfioIommuType1InfoCapIovaRange;
import org.vfio4j.group.uapi.VfioIommuType1InfoCapMigration;
import org.vfio4j.group.uapi.VfioIommuType1InfoDmaAvail;
import org.vfio4j.group.uapi.VfioIovaRange;
import org.vfio4j.memory.NativeBlock;

/**
 * The answer to VFIO_IOMMU_GET_INFO, with its chain of capabilities.
 *
 * <p>Source: {@code vfio_iommu_type1_get_info()} in {@code drivers/vfio/vfio_iommu_type1.c}.
 */
final class InfoReply {
  private static final int ALIGN = Long.BYTES;

  private final List<NativeBlock> capabilities = new ArrayList<>();

  private NativeBlock add(int id, int size) {
    NativeBlock capability = new NativeBlock((size + ALIGN - 1) & -ALIGN);
    capability.putShort(VfioInfoCapHeader.ID, (short) id);
    capability.putShort(VfioInfoCapHeader.VERSION, (short) 1);
    capabilities.add(capability);
    return capability;
  }

  void migration(long pageSizes, long largestBitmap) {
    NativeBlock migration =
        add(
            VfioGroupUapi.VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION,
            VfioIommuType1InfoCapMigration.SIZEOF);
    migration.putLong(VfioIommuType1InfoCapMigration.PGSIZE_BITMAP, pageSizes);
    migration.putLong(VfioIommuType1InfoCapMigration.MAX_DIRTY_BITMAP_SIZE, largestBitmap);
  }

  void available(long mappings) {
    add(VfioGroupUapi.VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, VfioIommuType1InfoDmaAvail.SIZEOF)
        .putInt(VfioIommuType1InfoDmaAvail.AVAIL, (int) mappings);
  }

  void ranges(List<IovaRange> ranges) {
    NativeBlock capability =
        add(
            VfioGroupUapi.VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
            VfioIommuType1InfoCapIovaRange.SIZEOF + ranges.size() * VfioIovaRange.SIZEOF);
    capability.putInt(VfioIommuType1InfoCapIovaRange.NR_IOVAS, ranges.size());
    for (int i = 0; i < ranges.size(); i++) {
      int at = VfioIommuType1InfoCapIovaRange.SIZEOF + i * VfioIovaRange.SIZEOF;
      capability.putLong(at + VfioIovaRange.START, ranges.get(i).start());
      capability.putLong(at + VfioIovaRange.END, ranges.get(i).last());
    }
  }

  /** Puts it into the caller's struct: the chain as a whole, or the size that it needs. */
  void put(UserArgument info, int argsz, long pageSizes) throws BridgeRefusal {
    int chain = capabilities.stream().mapToInt(NativeBlock::capacity).sum();
    int needed = VfioIommuType1Info.SIZEOF + chain;
    boolean fits = Integer.compareUnsigned(argsz, needed) >= 0;
    VfioIommuType1Info answer =
        new VfioIommuType1Info(0)
            .argsz(fits ? argsz : needed)
            .flags(VfioGroupUapi.VFIO_IOMMU_INFO_PGSIZES | VfioGroupUapi.VFIO_IOMMU_INFO_CAPS)
            .iovaPgsizes(pageSizes)
            .capOffset(fits ? VfioIommuType1Info.SIZEOF : 0);
    if (fits) {
      int at = VfioIommuType1Info.SIZEOF;
      for (int i = 0; i < capabilities.size(); i++) {
        NativeBlock capability = capabilities.get(i);
        int next = at + capability.capacity();
        capability.putInt(VfioInfoCapHeader.NEXT, i + 1 < capabilities.size() ? next : 0);
        info.write(at, capability);
        at = next;
      }
    }
    boolean whole = Integer.compareUnsigned(argsz, VfioIommuType1Info.SIZEOF) >= 0;
    info.write(0, part(answer, whole ? VfioIommuType1Info.SIZEOF : argsz));
  }

  /** A caller of Linux 5.4 and before has a struct without {@code cap_offset}. */
  private static NativeBlock part(NativeBlock block, int length) {
    NativeBlock part = new NativeBlock(length);
    part.put(0, block.get(0, length));
    return part;
  }
}
