// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.vfio4j.Errno;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1DmaMap;
import org.vfio4j.group.uapi.VfioIommuType1DmaUnmap;
import org.vfio4j.testkit.kernel.IovaSpace.Mapping;
import org.vfio4j.testkit.kernel.UserMemory.Pin;
import org.vfio4j.testkit.kernel.UserMemory.PinAccount;
import org.vfio4j.testkit.machine.KernelVersion;

/**
 * The IOMMU of a container.
 *
 * <p>Source: {@code drivers/vfio/vfio_iommu_type1.c}, where the checks are in the same order.
 */
final class Type1 implements Translation {
  /** {@code VFIO_TYPE1_NESTING_IOMMU}. */
  private static final int TYPE1_NESTING = 6;

  private static final long PAGE_MASK = UserMemory.PAGE - 1;
  private static final int ACCESS =
      VfioGroupUapi.VFIO_DMA_MAP_FLAG_READ | VfioGroupUapi.VFIO_DMA_MAP_FLAG_WRITE;
  private static final int UNMAP_FLAGS =
      VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP
          | VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_ALL
          | VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_VADDR;
  private static final int DIRTY_FLAGS =
      VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES_FLAG_START
          | VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP
          | VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP;

  // struct vfio_iommu_type1_dirty_bitmap, and behind it vfio_iommu_type1_dirty_bitmap_get.
  private static final int DIRTY_FLAGS_AT = 4;
  private static final int DIRTY_SIZE = 8;
  private static final int RANGE_IOVA = 8;
  private static final int RANGE_SIZE = 16;
  private static final int RANGE_BITMAP = 24;
  private static final int RANGE_LENGTH = 40;

  // struct vfio_bitmap.
  private static final int BITMAP_PGSIZE = 0;
  private static final int BITMAP_SIZE = 8;
  private static final int BITMAP_DATA = 16;
  private static final int BITMAP_LENGTH = 24;

  /** USER_PTR_MAX of x86 with linear address masking: no pointer of a process is above. */
  private static final long USER_END = Long.MAX_VALUE - 0xfff;

  /** How many bytes of bitmap a call may ask for: 2^31 pages. */
  private static final long LARGEST_BITMAP = 1L << 28;

  private final Core core;
  private final boolean v2;
  private final boolean nesting;
  private final IovaSpace mappings = new IovaSpace();

  /** Those whose memory is being exchanged: VFIO_DMA_UNMAP_FLAG_VADDR. */
  private final Set<Mapping> withoutVaddr = new HashSet<>();

  private final Map<Mapping, DirtyPages> dirty = new HashMap<>();
  private boolean tracking;
  private int available;

  /** Groups with an IOMMU in front of them. Without one, nothing is pinned. */
  private int domains;

  /** Groups of mediated devices. */
  private int emulated;

  /** Empty while no IOMMU was there yet: then everything is. */
  private List<IovaRange> usable = List.of();

  private Type1(Core core, boolean v2, boolean nesting) {
    this.core = core;
    this.v2 = v2;
    this.nesting = nesting;
    this.available = core.dmaEntryLimit();
  }

  @Override
  public Mapping find(long iova) {
    return mappings.find(iova);
  }

  @Override
  public void written(long iova, long length) {
    if (tracking) {
      Mapping mapping = mappings.find(iova);
      long offset = iova - mapping.start();
      dirty.get(mapping).set(UserMemory.pages(offset), UserMemory.pages(offset + length - 1));
    }
  }

  int ioctl(int request, UserPointer argument) {
    switch (request) {
      case VfioGroupUapi.VFIO_IOMMU_GET_INFO -> info(argument);
      case VfioGroupUapi.VFIO_IOMMU_MAP_DMA -> map(argument);
      case VfioGroupUapi.VFIO_IOMMU_UNMAP_DMA -> unmap(argument);
      case VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES -> dirtyPages(argument);
      default -> throw KernelError.of(Errno.ENOTTY);
    }
    return 0;
  }

  /** VFIO_SET_IOMMU with an extension that {@link #hasExtension} knows. */
  static Type1 open(Core core, long type) {
    KernelError.refuseIf(type == VfioGroupUapi.VFIO_UNMAP_ALL, Errno.EINVAL);
    return new Type1(core, type != VfioGroupUapi.VFIO_TYPE1_IOMMU, type == TYPE1_NESTING);
  }

  /** VFIO_CHECK_EXTENSION of a container that has no IOMMU yet. */
  static boolean hasExtension(KernelVersion version, long extension) {
    return extension == VfioGroupUapi.VFIO_TYPE1_IOMMU
        || extension == VfioGroupUapi.VFIO_TYPE1v2_IOMMU
        || (extension == TYPE1_NESTING && version.hasNestingContainers())
        || extension == VfioGroupUapi.VFIO_UNMAP_ALL;
  }

  /** VFIO_CHECK_EXTENSION. */
  boolean has(long extension) {
    if (extension == VfioGroupUapi.VFIO_UPDATE_VADDR) {
      return emulated == 0;
    }
    return extension == VfioGroupUapi.VFIO_DMA_CC_IOMMU
        ? domains == 0 || core.iommu().enforcesCoherency()
        : hasExtension(core.version(), extension);
  }

  private void map(UserPointer map) {
    map.argsz(VfioIommuType1DmaMap.SIZEOF);
    int flags = map.getInt(VfioIommuType1DmaMap.FLAGS);
    boolean wrong = (flags & ~(ACCESS | VfioGroupUapi.VFIO_DMA_MAP_FLAG_VADDR)) != 0;
    boolean vaddrOnly = (flags & VfioGroupUapi.VFIO_DMA_MAP_FLAG_VADDR) != 0;
    boolean access = (flags & ACCESS) != 0;
    KernelError.refuseIf(wrong || vaddrOnly == access, Errno.EINVAL);
    long iova = map.getLong(VfioIommuType1DmaMap.IOVA);
    long size = map.getLong(VfioIommuType1DmaMap.SIZE);
    long vaddr = map.getLong(VfioIommuType1DmaMap.VADDR);
    boolean misaligned = size == 0 || ((size | iova | vaddr) & PAGE_MASK) != 0;
    KernelError.refuseIf(misaligned || Ioas.wraps(iova, size), Errno.EINVAL);
    KernelError.refuseIf(Ioas.wraps(vaddr, size), Errno.EINVAL);
    long last = iova + size - 1;
    if (vaddrOnly) {
      setVaddr(mappings.first(iova, last), iova, size, vaddr);
      return;
    }
    KernelError.refuseIf(mappings.first(iova, last) != null, Errno.EEXIST);
    KernelError.refuseIf(available == 0, Errno.ENOSPC);
    KernelError.refuseIf(!isAllowed(iova, last), Errno.EINVAL);
    boolean write = (flags & VfioGroupUapi.VFIO_DMA_MAP_FLAG_WRITE) != 0;
    Pages pages = new Pages(core.memory(), PinAccount.NONE, vaddr, write);
    boolean read = (flags & VfioGroupUapi.VFIO_DMA_MAP_FLAG_READ) != 0;
    Mapping mapping = new Mapping(iova, size, write, pages, 0).readable(read);
    if (domains > 0) {
      pin(mapping);
    }
    mappings.add(mapping);
    available--;
    if (tracking) {
      trackNew(mapping);
    }
  }

  private void trackNew(Mapping mapping) {
    KernelError.orUndo(
        () -> dirty.put(mapping, new DirtyPages(UserMemory.pages(mapping.length()))),
        () -> remove(mapping));
  }

  private void pin(Mapping mapping) {
    long vaddr = mapping.pages().address();
    // Registers of a device are taken too: type1 asks for addresses, and not for memory.
    DeviceMemory registers = core.deviceMapping(vaddr, mapping.length());
    Pin pin =
        registers == null
            ? core.memory().pin(vaddr, mapping.length(), mapping.isWritable())
            : registers.pin(vaddr, mapping.isWritable());
    if (pin == null) {
      // What is there was pinned and counted before the kernel came to what is not.
      long there = core.memory().there(vaddr, mapping.length(), mapping.isWritable());
      core.memory().checkLockable(UserMemory.pages(there));
      throw KernelError.of(Errno.EFAULT);
    }
    try {
      account(pin, UserMemory.pages(mapping.length()));
    } catch (KernelError e) {
      pin.release();
      throw e;
    }
    mapping.pinned(pin);
  }

  private void unpin(Mapping mapping) {
    if (mapping.isPinned()) {
      Pin pin = mapping.pin();
      pin.release();
      mapping.pinned(null);
      account(pin, -UserMemory.pages(mapping.length()));
    }
  }

  private void account(Pin pin, long pages) {
    if (pin.isMemory()) {
      core.memory().accountLocked(pages);
    }
  }

  /**
   * vfio_iommu_type1_attach_group(). What the first IOMMU does not reach is EFAULT, as mapping has
   * it, once it is come to; vfio_iommu_aper_conflict() does not find that, since the end of what it
   * asks for is 0.
   *
   * @param real whether there is an IOMMU in front of it; with the first one, all is pinned
   */
  void attach(boolean real) {
    // Memory could have to be pinned for it.
    KernelError.refuseIf(!withoutVaddr.isEmpty(), Errno.EBUSY);
    if (!real) {
      emulated++;
      return;
    }
    // No IOMMU of x86 does that for VFIO.
    KernelError.refuseIf(nesting, Errno.EINVAL);
    if (domains == 0) {
      checkReserved();
      long reach = IovaRange.bits(core.machine().iommuBits()).last();
      try {
        for (Mapping mapping : mappings.all()) {
          KernelError.refuseIf(Long.compareUnsigned(mapping.last(), reach) > 0, Errno.EFAULT);
          pin(mapping);
        }
      } catch (KernelError e) {
        mappings.all().forEach(this::unpin);
        throw e;
      }
    }
    domains++;
    usable = core.usableIovas();
  }

  /** What was mapped for mediated devices alone may be where this IOMMU must not. */
  private void checkReserved() {
    for (Mapping mapping : mappings.all()) {
      for (IovaRange range : core.machine().reserved()) {
        boolean mustNot =
            Ioas.overlaps(mapping.start(), mapping.last(), range.start(), range.last());
        KernelError.refuseIf(mustNot, Errno.EINVAL);
      }
    }
  }

  /** Mediated devices keep what is mapped; without an IOMMU it is not pinned any more. */
  void detach(boolean real) {
    if (!real) {
      emulated--;
      return;
    }
    domains--;
    if (domains == 0) {
      mappings.all().forEach(this::unpin);
      usable = List.of(IovaRange.ALL);
    }
    dirty.values().forEach(DirtyPages::setAll);
  }

  /** Other memory for a mapping; what is pinned stays so until it has to be pinned anew. */
  private void setVaddr(Mapping mapping, long iova, long size, long vaddr) {
    KernelError.refuseIf(mapping == null, Errno.ENOENT);
    boolean fits =
        withoutVaddr.contains(mapping) && mapping.start() == iova && mapping.length() == size;
    KernelError.refuseIf(!fits, Errno.EINVAL);
    withoutVaddr.remove(mapping);
    boolean write = mapping.isWritable();
    Pages pages = new Pages(core.memory(), PinAccount.NONE, vaddr, write);
    Mapping moved = new Mapping(iova, size, write, pages, 0).readable(mapping.isReadable());
    moved.pinned(mapping.pin());
    mappings.remove(mapping);
    mappings.add(moved);
    if (tracking) {
      dirty.put(moved, dirty.remove(mapping));
    }
  }

  private boolean isAllowed(long iova, long last) {
    // A loop and no stream: it is run for every mapping.
    for (int i = 0; i < usable.size(); i++) {
      IovaRange range = usable.get(i);
      if (Long.compareUnsigned(iova, range.start()) >= 0
          && Long.compareUnsigned(last, range.last()) <= 0) {
        return true;
      }
    }
    return usable.isEmpty();
  }

  private void unmap(UserPointer unmap) {
    int argsz = unmap.argsz(VfioIommuType1DmaUnmap.SIZEOF);
    int flags = unmap.getInt(VfioIommuType1DmaUnmap.FLAGS);
    boolean all = (flags & VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_ALL) != 0;
    boolean vaddr = (flags & VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_VADDR) != 0;
    boolean bitmap = (flags & VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP) != 0;
    boolean wrong = (flags & ~UNMAP_FLAGS) != 0 || (bitmap && (all || vaddr));
    KernelError.refuseIf(wrong, Errno.EINVAL);
    long iova = unmap.getLong(VfioIommuType1DmaUnmap.IOVA);
    long size = unmap.getLong(VfioIommuType1DmaUnmap.SIZE);
    UserPointer bits = null;
    if (bitmap) {
      boolean there =
          Integer.compareUnsigned(argsz, VfioIommuType1DmaUnmap.SIZEOF + BITMAP_LENGTH) >= 0;
      KernelError.refuseIf(!there, Errno.EINVAL);
      unmap.copied(VfioIommuType1DmaUnmap.SIZEOF + BITMAP_LENGTH);
      bits = bitmap(unmap, VfioIommuType1DmaUnmap.SIZEOF, size);
    }
    KernelError.refuseIf(vaddr && emulated > 0, Errno.EBUSY);
    KernelError.refuseIf((iova & PAGE_MASK) != 0, Errno.EINVAL);
    boolean range =
        all
            ? iova == 0 && size == 0
            : size != 0 && (size & PAGE_MASK) == 0 && !Ioas.wraps(iova, size);
    KernelError.refuseIf(!range, Errno.EINVAL);
    if (bitmap) {
      long pageSize = unmap.getLong(VfioIommuType1DmaUnmap.SIZEOF + BITMAP_PGSIZE);
      KernelError.refuseIf(!tracking || pageSize != UserMemory.PAGE, Errno.EINVAL);
    }
    if (v2 && !all) {
      checkWhole(iova, iova + size - 1);
    }
    // The kernel compares with the end that this range does not have.
    boolean nothing = !all && iova + size == 0;
    long last = all ? -1 : iova + size - 1;
    long unmapped = 0;
    if (!nothing) {
      unmapped = vaddr ? invalidate(iova, last) : unmap(iova, last, bits);
    }
    unmap.putLong(VfioIommuType1DmaUnmap.SIZE, unmapped);
  }

  /** A struct vfio_bitmap: where its bits are. */
  private static UserPointer bitmap(UserPointer struct, int at, long mapped) {
    long pageSize = struct.getLong(at + BITMAP_PGSIZE);
    long size = struct.getLong(at + BITMAP_SIZE);
    long data = struct.getLong(at + BITMAP_DATA);
    boolean ours =
        Long.compareUnsigned(data + size, data) >= 0
            && Long.compareUnsigned(data + size, USER_END) <= 0;
    // The kernel takes the lowest bit of a page size, and does not say what it does without one.
    KernelError.refuseIf(!ours || pageSize == 0, Errno.EINVAL);
    long pages = mapped >>> Long.numberOfTrailingZeros(pageSize);
    long needed = (pages + Long.SIZE - 1) / Long.SIZE * Long.BYTES;
    boolean fits =
        pages != 0
            && size != 0
            && Long.compareUnsigned(size, LARGEST_BITMAP) <= 0
            && Long.compareUnsigned(size, needed) >= 0;
    KernelError.refuseIf(!fits, Errno.EINVAL);
    return struct.at(data);
  }

  /** Neither end may be in the middle of a mapping. */
  private void checkWhole(long iova, long last) {
    Mapping atStart = mappings.find(iova);
    Mapping atEnd = mappings.find(last);
    boolean splits =
        (atStart != null && atStart.start() != iova) || (atEnd != null && atEnd.last() != last);
    KernelError.refuseIf(splits, Errno.EINVAL);
  }

  /** The next mapping to unmap; null where there is none. */
  private Mapping next(long from, long iova, long last) {
    Mapping mapping = mappings.first(from, last);
    // v1 takes whole mappings, and none whose start is not in the range.
    boolean stops = mapping != null && Long.compareUnsigned(mapping.start(), iova) < 0;
    return stops ? null : mapping;
  }

  private long unmap(long iova, long last, UserPointer bits) {
    long bytes = 0;
    Mapping mapping = next(iova, iova, last);
    while (mapping != null) {
      if (bits != null) {
        dirty
            .get(mapping)
            .report(bits, UserMemory.pages(mapping.start() - iova), mapping.isPinned());
      }
      remove(mapping);
      bytes += mapping.length();
      mapping = next(iova, iova, last);
    }
    return bytes;
  }

  /** VFIO_DMA_UNMAP_FLAG_VADDR: all of them, or none. */
  private long invalidate(long iova, long last) {
    List<Mapping> done = new ArrayList<>();
    long bytes = 0;
    long from = iova;
    Mapping mapping = next(from, iova, last);
    while (mapping != null) {
      if (withoutVaddr.contains(mapping)) {
        done.forEach(withoutVaddr::remove);
        throw KernelError.of(Errno.EINVAL);
      }
      withoutVaddr.add(mapping);
      done.add(mapping);
      bytes += mapping.length();
      boolean end = Long.compareUnsigned(mapping.last(), last) >= 0;
      mapping = end ? null : next(mapping.last() + 1, iova, last);
    }
    return bytes;
  }

  /** VFIO_IOMMU_DIRTY_PAGES. */
  private void dirtyPages(UserPointer argument) {
    KernelError.refuseIf(!v2, Errno.EACCES);
    int argsz = argument.argsz(DIRTY_SIZE);
    int flags = argument.getInt(DIRTY_FLAGS_AT);
    boolean wrong = (flags & ~DIRTY_FLAGS) != 0 || Integer.bitCount(flags) != 1;
    KernelError.refuseIf(wrong, Errno.EINVAL);
    switch (flags) {
      case VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES_FLAG_START -> track();
      case VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP -> {
        tracking = false;
        dirty.clear();
      }
      default -> {
        int rest = argsz - DIRTY_SIZE;
        KernelError.refuseIf(Integer.compareUnsigned(rest, RANGE_LENGTH) < 0, Errno.EINVAL);
        report(argument);
      }
    }
  }

  private void track() {
    if (tracking) {
      return;
    }
    Map<Mapping, DirtyPages> made = new HashMap<>();
    for (Mapping mapping : mappings.all()) {
      made.put(mapping, new DirtyPages(UserMemory.pages(mapping.length())));
    }
    dirty.putAll(made);
    tracking = true;
  }

  private void report(UserPointer argument) {
    argument.copied(DIRTY_SIZE + RANGE_LENGTH);
    long iova = argument.getLong(RANGE_IOVA);
    long size = argument.getLong(RANGE_SIZE);
    long pageSize = argument.getLong(RANGE_BITMAP + BITMAP_PGSIZE);
    KernelError.refuseIf(Long.compareUnsigned(iova + size, iova) < 0, Errno.EINVAL);
    UserPointer bits = bitmap(argument, RANGE_BITMAP, size);
    boolean aligned = ((iova | size) & PAGE_MASK) == 0;
    boolean fine = tracking && aligned && size != 0 && pageSize == UserMemory.PAGE;
    KernelError.refuseIf(!fine, Errno.EINVAL);
    long last = iova + size - 1;
    checkWhole(iova, last);
    Mapping mapping = mappings.first(iova, last);
    while (mapping != null) {
      DirtyPages pages = dirty.get(mapping);
      pages.report(bits, UserMemory.pages(mapping.start() - iova), mapping.isPinned());
      pages.clear();
      boolean end = Long.compareUnsigned(mapping.last(), last) >= 0;
      mapping = end ? null : mappings.first(mapping.last() + 1, last);
    }
  }

  private void remove(Mapping mapping) {
    mappings.remove(mapping);
    unpin(mapping);
    // An object's hash is costly the first time that it is asked for.
    if (!withoutVaddr.isEmpty()) {
      withoutVaddr.remove(mapping);
    }
    if (tracking) {
      dirty.remove(mapping);
    }
    available++;
  }

  private void info(UserPointer info) {
    int[] migration = new int[6];
    Type1Answer.put(migration, 2, UserMemory.PAGE);
    Type1Answer.put(migration, 4, LARGEST_BITMAP);
    InfoReply capabilities = new InfoReply(core.version());
    capabilities.add(VfioGroupUapi.VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION, 1, migration);
    Type1Answer.addAvailable(capabilities, available);
    if (!usable.isEmpty()) {
      Type1Answer.addRanges(capabilities, usable);
    }
    long pageSizes = domains > 0 ? core.iommu().pageSizes() : -UserMemory.PAGE;
    Type1Answer.put(info, pageSizes, capabilities);
  }

  /** The last group has left. */
  void release() {
    List<Mapping> left = new ArrayList<>();
    mappings.all().forEach(left::add);
    left.forEach(this::remove);
  }
}
