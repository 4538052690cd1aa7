// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.vfio4j.device.CapabilityChain;
import org.vfio4j.device.CapabilityChain.Capability;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1Info;
import org.vfio4j.group.uapi.VfioIommuType1InfoCapIovaRange;
import org.vfio4j.group.uapi.VfioIommuType1InfoCapMigration;
import org.vfio4j.group.uapi.VfioIommuType1InfoDmaAvail;
import org.vfio4j.group.uapi.VfioIovaRange;

/**
 * What a type1 IOMMU says of itself: VFIO_IOMMU_GET_INFO.
 *
 * @param pageSizes a bit for each page size in bytes; 0 when the kernel does not tell
 * @param iovaRanges where something can be mapped, ascending; empty when the kernel does not tell
 *     (before Linux 5.5) or there is no limit (only mediated devices)
 * @param dmaAvail how many more mappings there can be now (Linux 5.10); an iommufd, which has no
 *     such limit, says 4294967295
 * @param migration what dirty page logging can do (Linux 5.8; never on an iommufd)
 * @param capabilities all of them, those included that have been read into the fields before
 */
public record Type1Info(
    long pageSizes,
    Optional<List<IovaRange>> iovaRanges,
    OptionalLong dmaAvail,
    Optional<Migration> migration,
    CapabilityChain capabilities) {

  /**
   * What dirty page logging can do.
   *
   * @param pageSizes a bit for each page size, in bytes, that a bitmap can have
   * @param maxDirtyBitmapSize in bytes
   */
  public record Migration(long pageSizes, long maxDirtyBitmapSize) {}

  static Type1Info of(String origin, VfioIommuType1Info info) {
    boolean chained = (info.flags() & VfioGroupUapi.VFIO_IOMMU_INFO_CAPS) != 0;
    CapabilityChain chain =
        chained
            ? CapabilityChain.read(origin, info, VfioIommuType1Info.SIZEOF, info.capOffset())
            : CapabilityChain.EMPTY;
    boolean sized = (info.flags() & VfioGroupUapi.VFIO_IOMMU_INFO_PGSIZES) != 0;
    Optional<Capability> avail = chain.find(VfioGroupUapi.VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL);
    return new Type1Info(
        sized ? info.iovaPgsizes() : 0,
        chain.find(VfioGroupUapi.VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE).map(Type1Info::ranges),
        avail.isEmpty()
            ? OptionalLong.empty()
            : OptionalLong.of(
                Integer.toUnsignedLong(avail.get().getInt(VfioIommuType1InfoDmaAvail.AVAIL))),
        chain.find(VfioGroupUapi.VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION).map(Type1Info::migration),
        chain);
  }

  private static List<IovaRange> ranges(Capability capability) {
    List<IovaRange> ranges = new ArrayList<>();
    int count = capability.getInt(VfioIommuType1InfoCapIovaRange.NR_IOVAS);
    for (int i = 0; i != count; i++) {
      // Reading beyond the capability throws, which ends the loop for any count.
      int at = VfioIommuType1InfoCapIovaRange.SIZEOF + i * VfioIovaRange.SIZEOF;
      ranges.add(
          new IovaRange(
              capability.getLong(at + VfioIovaRange.START),
              capability.getLong(at + VfioIovaRange.END)));
    }
    ranges.sort(Comparator.comparing(IovaRange::start, Long::compareUnsigned));
    return List.copyOf(ranges);
  }

  private static Migration migration(Capability capability) {
    return new Migration(
        capability.getLong(VfioIommuType1InfoCapMigration.PGSIZE_BITMAP),
        capability.getLong(VfioIommuType1InfoCapMigration.MAX_DIRTY_BITMAP_SIZE));
  }
}
