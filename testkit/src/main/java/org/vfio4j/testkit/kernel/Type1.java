// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.vfio4j.Errno;
import org.vfio4j.group.uapi.VfioBitmap;
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
  private static final int VADDR = VfioGroupUapi.VFIO_DMA_MAP_FLAG_VADDR;
  private static final int BITMAP = VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
  private static final int ALL = VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_ALL;
  private static final int UNMAP_VADDR = VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_VADDR;

  private final Core core;
  private final boolean v2;
  private final IovaSpace mappings = new IovaSpace();
  private final Type1DirtyLog dirtyLog = new Type1DirtyLog(mappings);

  /** Those whose memory is to get another address. */
  private final Set<Mapping> invalid = Collections.newSetFromMap(new IdentityHashMap<>());

  private int available;
  private int mediated;

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
      case VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES -> {
        KernelError.refuseIf(!v2, Errno.EACCES);
        dirtyLog.ioctl(argument, domains > 0);
      }
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
            || (flags & ~(ACCESS | VADDR)) != 0
            || ((flags & ACCESS) != 0) == ((flags & VADDR) != 0);
    KernelError.refuseIf(wrong, Errno.EINVAL);
    long iova = map.getLong(VfioIommuType1DmaMap.IOVA);
    long size = map.getLong(VfioIommuType1DmaMap.SIZE);
    long vaddr = map.getLong(VfioIommuType1DmaMap.VADDR);
    boolean misaligned = size == 0 || ((size | iova | vaddr) & PAGE_MASK) != 0;
    KernelError.refuseIf(misaligned || Ioas.wraps(iova, size), Errno.EINVAL);
    KernelError.refuseIf(Ioas.wraps(vaddr, size), Errno.EINVAL);
    long last = iova + size - 1;
    Mapping there = mappings.first(iova, last);
    if ((flags & VADDR) != 0) {
      KernelError.refuseIf(there == null, Errno.ENOENT);
      boolean exact = there.start() == iova && there.last() == last;
      KernelError.refuseIf(!exact || !invalid.contains(there), Errno.EINVAL);
      // What is pinned stays; the address counts when something is pinned anew.
      there.pages().move(vaddr);
      invalid.remove(there);
      return;
    }
    KernelError.refuseIf(there != null, Errno.EEXIST);
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

  /** A group is about to join. */
  void checkJoin() {
    KernelError.refuseIf(!invalid.isEmpty(), Errno.EBUSY);
  }

  /** A group of a mediated device has joined, or one has left. */
  void mediated(int more) {
    mediated += more;
  }

  /** VFIO_UPDATE_VADDR: mediated devices could not do without the address for a moment. */
  boolean updatesVaddr() {
    return mediated == 0;
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
    dirtyLog.groupLeft();
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
            || (flags & ~(BITMAP | ALL | UNMAP_VADDR)) != 0
            || ((flags & BITMAP) != 0 && flags != BITMAP);
    KernelError.refuseIf(wrong, Errno.EINVAL);
    int bitmap = VfioIommuType1DmaUnmap.SIZEOF;
    if (flags == BITMAP) {
      int end = bitmap + VfioBitmap.SIZEOF;
      KernelError.refuseIf(Integer.compareUnsigned(argsz, end) < 0, Errno.EINVAL);
      Type1DirtyLog.checkBitmap(unmap, bitmap, unmap.getLong(VfioIommuType1DmaUnmap.SIZE));
    }
    boolean addresses = (flags & UNMAP_VADDR) != 0;
    KernelError.refuseIf(addresses && mediated > 0, Errno.EBUSY);
    long iova = unmap.getLong(VfioIommuType1DmaUnmap.IOVA);
    long size = unmap.getLong(VfioIommuType1DmaUnmap.SIZE);
    KernelError.refuseIf((iova & PAGE_MASK) != 0, Errno.EINVAL);
    boolean all = (flags & ALL) != 0;
    boolean range =
        all
            ? iova == 0 && size == 0
            : size != 0 && (size & PAGE_MASK) == 0 && !Ioas.wraps(iova, size);
    KernelError.refuseIf(!range, Errno.EINVAL);
    if (flags == BITMAP) {
      dirtyLog.checkTracking(unmap, bitmap);
    }
    long last = all ? -1 : iova + size - 1;
    KernelError.refuseIf(!all && v2 && dirtyLog.cuts(iova, last), Errno.EINVAL);
    if (flags == BITMAP) {
      UserPointer words = unmap.at(unmap.getLong(bitmap + VfioBitmap.DATA));
      unmap.putLong(VfioIommuType1DmaUnmap.SIZE, unmap(iova, last, words));
    } else {
      long bytes = addresses ? invalidate(iova, last) : unmap(iova, last, null);
      unmap.putLong(VfioIommuType1DmaUnmap.SIZE, bytes);
    }
  }

  /** All of them or, where one is invalid already, none. */
  private long invalidate(long iova, long last) {
    List<Mapping> chosen = new ArrayList<>();
    long bytes = 0;
    for (Mapping mapping : mappings.all()) {
      boolean begins =
          Long.compareUnsigned(mapping.start(), iova) >= 0
              && Long.compareUnsigned(mapping.start(), last) <= 0;
      if (!begins && mappings.first(iova, last) == mapping) {
        // v1 stops at a mapping that begins before the range.
        return 0;
      }
      if (begins) {
        KernelError.refuseIf(invalid.contains(mapping), Errno.EINVAL);
        chosen.add(mapping);
        bytes += mapping.length();
      }
    }
    invalid.addAll(chosen);
    return bytes;
  }

  /** {@code words} is the caller's bitmap; null for none. */
  private long unmap(long iova, long last, UserPointer words) {
    long bytes = 0;
    while (true) {
      Mapping mapping = mappings.first(iova, last);
      // v1 takes whole mappings, and none whose start is not in the range.
      if (mapping == null || Long.compareUnsigned(mapping.start(), iova) < 0) {
        return bytes;
      }
      if (words != null) {
        dirtyLog.report(words, iova, mapping, domains > 0);
      }
      remove(mapping);
      bytes += mapping.length();
    }
  }

  private void remove(Mapping mapping) {
    mappings.remove(mapping);
    unpin(mapping);
    dirtyLog.removed(mapping);
    invalid.remove(mapping);
    available++;
  }

  private void info(UserPointer info) {
    int[] migration = new int[6];
    Type1Answer.put(migration, 2, UserMemory.PAGE);
    Type1Answer.put(migration, 4, Type1DirtyLog.LARGEST_BITMAP);
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
