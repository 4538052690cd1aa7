// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.ByteOrder;
import java.util.List;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1Info;

/** VFIO_IOMMU_GET_INFO, as type1 answers it. */
final class Type1Answer {
  private static final int MIN_SIZE = 16;
  private static final int WORDS_PER_RANGE = 4;

  private Type1Answer() {}

  static void put(UserPointer info, long pageSizes, InfoReply capabilities) {
    int argsz = info.argsz(MIN_SIZE);
    info.putInt(VfioIommuType1Info.FLAGS, VfioGroupUapi.VFIO_IOMMU_INFO_PGSIZES);
    info.putLong(VfioIommuType1Info.IOVA_PGSIZES, pageSizes);
    capabilities.put(
        info,
        argsz,
        VfioIommuType1Info.SIZEOF,
        VfioIommuType1Info.CAP_OFFSET,
        VfioGroupUapi.VFIO_IOMMU_INFO_CAPS);
  }

  static void addAvailable(InfoReply reply, int available) {
    reply.add(VfioGroupUapi.VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, 1, available);
  }

  static void addRanges(InfoReply reply, List<IovaRange> ranges) {
    int[] words = new int[2 + WORDS_PER_RANGE * ranges.size()];
    words[0] = ranges.size();
    for (int i = 0; i < ranges.size(); i++) {
      put(words, 2 + WORDS_PER_RANGE * i, ranges.get(i).start());
      put(words, 4 + WORDS_PER_RANGE * i, ranges.get(i).last());
    }
    reply.add(VfioGroupUapi.VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, 1, words);
  }

  /** As the machine has 64 bits: in its byte order. */
  static void put(int[] words, int at, long value) {
    boolean little = ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;
    words[at] = (int) (little ? value : value >>> Integer.SIZE);
    words[at + 1] = (int) (little ? value >>> Integer.SIZE : value);
  }
}
