// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.failure;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1DmaMap;
import org.vfio4j.group.uapi.VfioIommuType1DmaUnmap;
import org.vfio4j.iommufd.uapi.IommuIoasCopy;
import org.vfio4j.iommufd.uapi.IommuIoasMap;
import org.vfio4j.iommufd.uapi.IommuIoasUnmap;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;

/**
 * What a program cannot give back because a call was made to fail: mappings whose munmap failed,
 * and memory whose unmap for the device failed, which the device may go on reaching.
 */
final class Stranded {
  private final List<MappedMemory> mapped = new ArrayList<>();
  private final List<Range> ranges = new ArrayList<>();
  private final Set<MappedMemory> stranded = new LinkedHashSet<>();

  /**
   * Memory that is mapped for a device.
   *
   * @param ioas 0 of a container
   * @param last the last IOVA
   * @param address in the process
   */
  record Range(int fd, int ioas, long iova, long last, long address) {
    boolean overlaps(int otherFd, int otherIoas, long first, long end) {
      return fd == otherFd
          && ioas == otherIoas
          && Long.compareUnsigned(iova, end) <= 0
          && Long.compareUnsigned(first, last) <= 0;
    }

    boolean isIn(MappedMemory memory) {
      long start = memory.address();
      return address <= start + memory.size() - 1 && start <= address + last - iova;
    }
  }

  synchronized void mapped(MappedMemory memory) {
    mapped.add(memory);
  }

  synchronized void unmapped(MappedMemory memory) {
    mapped.remove(memory);
  }

  synchronized void munmapFailed(MappedMemory memory) {
    stranded.add(memory);
  }

  synchronized void closed(int fd) {
    ranges.removeIf(range -> range.fd() == fd);
  }

  /** An ioctl went well that maps, if it does. */
  synchronized void mapped(int fd, int request, NativeBlock argument) {
    if (request == IommufdUapi.IOMMU_IOAS_MAP) {
      int ioas = argument.getInt(IommuIoasMap.IOAS_ID);
      long iova = argument.getLong(IommuIoasMap.IOVA);
      long length = argument.getLong(IommuIoasMap.LENGTH);
      long address = argument.getLong(IommuIoasMap.USER_VA);
      ranges.add(new Range(fd, ioas, iova, iova + length - 1, address));
    } else if (request == IommufdUapi.IOMMU_IOAS_COPY) {
      copied(fd, argument);
    } else if (request == VfioGroupUapi.VFIO_IOMMU_MAP_DMA) {
      long iova = argument.getLong(VfioIommuType1DmaMap.IOVA);
      long size = argument.getLong(VfioIommuType1DmaMap.SIZE);
      long address = argument.getLong(VfioIommuType1DmaMap.VADDR);
      ranges.add(new Range(fd, 0, iova, iova + size - 1, address));
    }
  }

  private void copied(int fd, NativeBlock argument) {
    long from = argument.getLong(IommuIoasCopy.SRC_IOVA);
    long iova = argument.getLong(IommuIoasCopy.DST_IOVA);
    long last = iova + argument.getLong(IommuIoasCopy.LENGTH) - 1;
    int source = argument.getInt(IommuIoasCopy.SRC_IOAS_ID);
    int target = argument.getInt(IommuIoasCopy.DST_IOAS_ID);
    for (Range range : List.copyOf(ranges)) {
      if (range.overlaps(fd, source, from, from)) {
        ranges.add(new Range(fd, target, iova, last, range.address() + from - range.iova()));
      }
    }
  }

  /** What an ioctl is to take from the device; to be asked before the call. */
  synchronized List<Range> toUnmap(int fd, int request, NativeBlock argument) {
    if (request == IommufdUapi.IOMMU_IOAS_UNMAP && argument.capacity() >= IommuIoasUnmap.SIZEOF) {
      long iova = argument.getLong(IommuIoasUnmap.IOVA);
      long length = argument.getLong(IommuIoasUnmap.LENGTH);
      return in(fd, argument.getInt(IommuIoasUnmap.IOAS_ID), iova, length);
    }
    if (request == VfioGroupUapi.VFIO_IOMMU_UNMAP_DMA
        && argument.capacity() >= VfioIommuType1DmaUnmap.SIZEOF) {
      // With VFIO_DMA_UNMAP_FLAG_ALL it is 0 bytes at 0, and so up to the last IOVA here.
      long iova = argument.getLong(VfioIommuType1DmaUnmap.IOVA);
      return in(fd, 0, iova, argument.getLong(VfioIommuType1DmaUnmap.SIZE));
    }
    return List.of();
  }

  private List<Range> in(int fd, int ioas, long iova, long length) {
    return ranges.stream()
        .filter(range -> range.overlaps(fd, ioas, iova, iova + length - 1))
        .toList();
  }

  synchronized void unmapped(List<Range> gone) {
    ranges.removeAll(gone);
  }

  synchronized void unmapFailed(List<Range> still) {
    still.forEach(range -> mapped.stream().filter(range::isIn).forEach(stranded::add));
  }

  /** The mappings, oldest first. */
  synchronized List<MappedMemory> memories() {
    return List.copyOf(stranded);
  }
}
