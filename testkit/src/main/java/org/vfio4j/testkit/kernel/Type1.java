// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1DmaMap;
import org.vfio4j.group.uapi.VfioIommuType1DmaUnmap;
import org.vfio4j.testkit.kernel.IovaSpace.Mapping;
import org.vfio4j.testkit.kernel.UserMemory.Pin;

/**
 * The IOMMU of a container.
 *
 * <p>Source: {@code drivers/vfio/vfio_iommu_type1.c}, where the checks are in the same order.
 */
final class Type1 {
  private static final long PAGE_MASK = UserMemory.PAGE - 1;
  private static final int ACCESS =
      VfioGroupUapi.VFIO_DMA_MAP_FLAG_READ | VfioGroupUapi.VFIO_DMA_MAP_FLAG_WRITE;

  /** How many bytes of bitmap a call may ask for: 2^31 pages. */
  private static final long LARGEST_BITMAP = 1L << 28;

  private final Core core;
  private final boolean v2;
  private final IovaSpace mappings = new IovaSpace();
  private int available;

  Type1(Core core, boolean v2) {
    this.core = core;
    this.v2 = v2;
    this.available = core.dmaEntryLimit();
  }

  IovaSpace space() {
    return mappings;
  }

  int ioctl(int request, UserPointer argument) {
    switch (request) {
      case VfioGroupUapi.VFIO_IOMMU_GET_INFO -> info(argument);
      case VfioGroupUapi.VFIO_IOMMU_MAP_DMA -> map(argument);
      case VfioGroupUapi.VFIO_IOMMU_UNMAP_DMA -> unmap(argument);
      default -> throw KernelError.of(Errno.ENOTTY);
    }
    return 0;
  }

  /** VFIO_CHECK_EXTENSION: the same whether it is used already or not. */
  static int checkExtension(long extension) {
    boolean has =
        extension == VfioGroupUapi.VFIO_TYPE1_IOMMU
            || extension == VfioGroupUapi.VFIO_TYPE1v2_IOMMU
            || extension == VfioGroupUapi.VFIO_UNMAP_ALL;
    return has ? 1 : 0;
  }

  private void map(UserPointer map) {
    int argsz = map.getInt(VfioIommuType1DmaMap.ARGSZ);
    int flags = map.getInt(VfioIommuType1DmaMap.FLAGS);
    boolean wrong =
        Integer.compareUnsigned(argsz, VfioIommuType1DmaMap.SIZEOF) < 0
            || (flags & ~ACCESS) != 0
            || flags == 0;
    KernelError.refuseIf(wrong, Errno.EINVAL);
    long iova = map.getLong(VfioIommuType1DmaMap.IOVA);
    long size = map.getLong(VfioIommuType1DmaMap.SIZE);
    long vaddr = map.getLong(VfioIommuType1DmaMap.VADDR);
    boolean misaligned = size == 0 || ((size | iova | vaddr) & PAGE_MASK) != 0;
    KernelError.refuseIf(misaligned || Ioas.wraps(iova, size), Errno.EINVAL);
    KernelError.refuseIf(Ioas.wraps(vaddr, size), Errno.EINVAL);
    long last = iova + size - 1;
    KernelError.refuseIf(mappings.first(iova, last) != null, Errno.EEXIST);
    KernelError.refuseIf(available == 0, Errno.ENOSPC);
    KernelError.refuseIf(!isAllowed(iova, last), Errno.EINVAL);
    boolean write = (flags & VfioGroupUapi.VFIO_DMA_MAP_FLAG_WRITE) != 0;
    Pin pin = core.memory().pin(vaddr, size, write);
    KernelError.refuseIf(pin == null, Errno.EFAULT);
    try {
      core.memory().accountLocked(UserMemory.pages(size));
    } catch (KernelError e) {
      pin.release();
      throw e;
    }
    Mapping mapping = new Mapping(iova, size, write, null, 0);
    mapping.pinned(pin);
    mappings.add(mapping);
    available--;
  }

  private boolean isAllowed(long iova, long last) {
    return core.usableIovas().stream()
        .anyMatch(
            range ->
                Long.compareUnsigned(iova, range.start()) >= 0
                    && Long.compareUnsigned(last, range.last()) <= 0);
  }

  private void unmap(UserPointer unmap) {
    int argsz = unmap.getInt(VfioIommuType1DmaUnmap.ARGSZ);
    int flags = unmap.getInt(VfioIommuType1DmaUnmap.FLAGS);
    boolean wrong =
        Integer.compareUnsigned(argsz, VfioIommuType1DmaUnmap.SIZEOF) < 0
            || (flags & ~VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_ALL) != 0;
    KernelError.refuseIf(wrong, Errno.EINVAL);
    long iova = unmap.getLong(VfioIommuType1DmaUnmap.IOVA);
    long size = unmap.getLong(VfioIommuType1DmaUnmap.SIZE);
    KernelError.refuseIf((iova & PAGE_MASK) != 0, Errno.EINVAL);
    boolean all = flags != 0;
    boolean range =
        all
            ? iova == 0 && size == 0
            : size != 0 && (size & PAGE_MASK) == 0 && !Ioas.wraps(iova, size);
    KernelError.refuseIf(!range, Errno.EINVAL);
    unmap.putLong(
        VfioIommuType1DmaUnmap.SIZE, all ? unmap(0, -1) : unmapChecked(iova, iova + size - 1));
  }

  private long unmapChecked(long iova, long last) {
    if (v2) {
      Mapping atStart = mappings.find(iova);
      Mapping atEnd = mappings.find(last);
      boolean splits =
          (atStart != null && atStart.start() != iova) || (atEnd != null && atEnd.last() != last);
      KernelError.refuseIf(splits, Errno.EINVAL);
    }
    return unmap(iova, last);
  }

  private long unmap(long iova, long last) {
    long bytes = 0;
    while (true) {
      Mapping mapping = mappings.first(iova, last);
      // v1 takes whole mappings, and none whose start is not in the range.
      if (mapping == null || Long.compareUnsigned(mapping.start(), iova) < 0) {
        return bytes;
      }
      remove(mapping);
      bytes += mapping.length();
    }
  }

  private void remove(Mapping mapping) {
    mappings.remove(mapping);
    mapping.pin().release();
    core.memory().accountLocked(-UserMemory.pages(mapping.length()));
    available++;
  }

  private void info(UserPointer info) {
    List<IovaRange> usable = core.usableIovas();
    int[] migration = new int[6];
    Type1Answer.put(migration, 2, UserMemory.PAGE);
    Type1Answer.put(migration, 4, LARGEST_BITMAP);
    InfoReply capabilities = new InfoReply();
    capabilities.add(VfioGroupUapi.VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION, 1, migration);
    Type1Answer.addAvailable(capabilities, available);
    Type1Answer.addRanges(capabilities, usable);
    Type1Answer.put(info, Type1Answer.PAGE_SIZES, capabilities, false);
  }

  /** The last group has left. */
  void release() {
    List<Mapping> left = new ArrayList<>();
    mappings.all().forEach(left::add);
    left.forEach(this::remove);
  }
}
