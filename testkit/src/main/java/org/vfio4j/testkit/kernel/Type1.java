// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1DmaMap;
import org.vfio4j.group.uapi.VfioIommuType1DmaUnmap;
import org.vfio4j.testkit.kernel.IovaSpace.Mapping;
import org.vfio4j.testkit.kernel.UserMemory.Pin;
import org.vfio4j.testkit.kernel.UserMemory.PinAccount;

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

  /** Groups with an IOMMU in front of them. Without one, nothing is pinned. */
  private int domains;

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
    Pages pages = new Pages(core.memory(), PinAccount.NONE, vaddr, write);
    Mapping mapping = new Mapping(iova, size, write, pages, 0);
    if (domains > 0) {
      pin(mapping);
    }
    mappings.add(mapping);
    available--;
  }

  private void pin(Mapping mapping) {
    long vaddr = mapping.pages().address();
    Pin pin = core.memory().pin(vaddr, mapping.length(), mapping.isWritable());
    KernelError.refuseIf(pin == null, Errno.EFAULT);
    try {
      core.memory().accountLocked(UserMemory.pages(mapping.length()));
    } catch (KernelError e) {
      pin.release();
      throw e;
    }
    mapping.pinned(pin);
  }

  private void unpin(Mapping mapping) {
    if (mapping.isPinned()) {
      mapping.pin().release();
      mapping.pinned(null);
      core.memory().accountLocked(-UserMemory.pages(mapping.length()));
    }
  }

  /** vfio_iommu_type1_attach_group(): with the first IOMMU, what is mapped is pinned. */
  void addDomain() {
    if (domains == 0) {
      try {
        mappings.all().forEach(this::pin);
      } catch (KernelError e) {
        mappings.all().forEach(this::unpin);
        throw e;
      }
    }
    domains++;
  }

  /** Mediated devices keep what is mapped; without an IOMMU it is not pinned any more. */
  void removeDomain() {
    domains--;
    if (domains == 0) {
      mappings.all().forEach(this::unpin);
    }
  }

  /** Whether all IOMMUs, if there are any, can enforce cache coherency. */
  boolean isCoherent() {
    return domains == 0;
  }

  private boolean isAllowed(long iova, long last) {
    return domains == 0
        || core.usableIovas().stream()
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
    unpin(mapping);
    available++;
  }

  private void info(UserPointer info) {
    int[] migration = new int[6];
    Type1Answer.put(migration, 2, UserMemory.PAGE);
    Type1Answer.put(migration, 4, LARGEST_BITMAP);
    InfoReply capabilities = new InfoReply();
    capabilities.add(VfioGroupUapi.VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION, 1, migration);
    Type1Answer.addAvailable(capabilities, available);
    if (domains > 0) {
      Type1Answer.addRanges(capabilities, core.usableIovas());
    }
    long pageSizes = domains > 0 ? Type1Answer.PAGE_SIZES : -UserMemory.PAGE;
    Type1Answer.put(info, pageSizes, capabilities, false);
  }

  /** The last group has left. */
  void release() {
    List<Mapping> left = new ArrayList<>();
    mappings.all().forEach(left::add);
    left.forEach(this::remove);
  }
}
