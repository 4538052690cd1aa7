// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalLong;
import org.vfio4j.Errno;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.testkit.kernel.IovaSpace.Mapping;
import org.vfio4j.testkit.kernel.UserMemory.PinAccount;

/**
 * An I/O address space of an iommufd.
 *
 * <p>Memory is pinned while there is at least one page table of hardware. Source: {@code
 * drivers/iommu/iommufd/io_pagetable.c}, where the checks are in the same order.
 */
final class Ioas extends IommufdObject {
  private static final long PAGE = UserMemory.PAGE;

  /** HPAGE_SIZE: a higher alignment of chosen IOVAs would be of no use. */
  private static final long MOST_ALIGNMENT = 2L << 20;

  private static final long LAST_CHOICE = -1 - PAGE;

  private final UserMemory memory;
  private final IovaSpace areas = new IovaSpace();
  private final List<Reserved> reserved = new ArrayList<>();
  private final List<Reserved> locked = new ArrayList<>();
  private final List<PagingHwpt> hwpts = new ArrayList<>();
  private List<IovaRange> allowed = List.of();
  private long alignment = 1;
  private boolean largePages = true;

  /** Of drivers of the kernel, without a page table. */
  private int accesses;

  /** A range that nothing may be mapped in, for as long as its owner is attached. */
  private record Reserved(long start, long last, Object owner) {}

  Ioas(IommufdContext context, UserMemory memory) {
    super(context);
    this.memory = memory;
  }

  IovaSpace areas() {
    return areas;
  }

  long alignment() {
    return alignment;
  }

  /** iommufd_get_pagesizes(): what all page tables have, as for a container. */
  long pageSizes() {
    long sizes = -1;
    for (PagingHwpt hwpt : hwpts) {
      sizes &= hwpt.domain().owner().pageSizes();
    }
    long smaller = sizes & (PAGE - 1);
    sizes &= -PAGE;
    return max(smaller == 0 ? sizes : sizes | PAGE, alignment);
  }

  List<PagingHwpt> hwpts() {
    return hwpts;
  }

  boolean hasLargePages() {
    return largePages;
  }

  /**
   * Maps user memory.
   *
   * @param fixed null lets this choose
   * @param read neither this nor {@code write} is what a container takes, too
   * @return the IOVA
   */
  long map(PinAccount account, long userVa, long length, Long fixed, boolean read, boolean write) {
    KernelError.refuseIf(length == 0 || Long.compareUnsigned(length, -1 - PAGE) > 0, Errno.EINVAL);
    KernelError.refuseIf(Long.compareUnsigned(userVa + length, userVa) < 0, Errno.EOVERFLOW);
    Pages pages = new Pages(memory, account, userVa, write);
    return insert(pages, length, fixed, read, write);
  }

  /**
   * Maps a part of a file of memory, or of a device's; another file shows when it is to be pinned.
   */
  long mapFile(
      PinAccount account,
      OpenFile file,
      long start,
      long length,
      Long fixed,
      boolean read,
      boolean write) {
    KernelError.refuseIf(length == 0 || Long.compareUnsigned(length, -1 - PAGE) > 0, Errno.EINVAL);
    KernelError.refuseIf(Long.compareUnsigned(start + length, start) < 0, Errno.EOVERFLOW);
    boolean takesDmaBufs = context().core().version().isAtLeast(6, 19);
    Pages pages;
    if (takesDmaBufs && (file instanceof VfioDmaBufFile || file instanceof DmaBufFile)) {
      boolean known = file instanceof VfioDmaBufFile whole && whole.ranges().size() == 1;
      KernelError.refuseIf(!known, Errno.EOPNOTSUPP);
      VfioDmaBufFile dmaBuf = (VfioDmaBufFile) file;
      KernelError.refuseIf(dmaBuf.isRevoked(), Errno.ENODEV);
      boolean behind = Long.compareUnsigned(start + length, dmaBuf.size()) > 0;
      KernelError.refuseIf(behind, Errno.EINVAL);
      pages = Pages.ofDmaBuf(memory, dmaBuf, start, write);
    } else {
      pages = Pages.ofFile(memory, account, file, start, length, write);
    }
    return insert(pages, length, fixed, read, write);
  }

  /** Whether all that is mapped is of files, and so of no process. */
  boolean isOfFiles() {
    for (Mapping area : areas.all()) {
      if (!area.pages().isOfFile()) {
        return false;
      }
    }
    return true;
  }

  /** Keeps a range mapped, which must lie side by side in memory. Both ends inclusive. */
  void lock(Object owner, long start, long last) {
    long expected = 0;
    for (long at = start; ; ) {
      Mapping area = areas.find(at);
      KernelError.refuseIf(area == null, Errno.ENOENT);
      long address = area.pages().address() + area.pagesOffset(at);
      KernelError.refuseIf(at != start && address != expected, Errno.EFAULT);
      if (Long.compareUnsigned(area.last(), last) >= 0) {
        break;
      }
      expected = address + area.lengthFrom(at);
      at = area.last() + 1;
    }
    locked.add(new Reserved(start, last, owner));
  }

  void unlock(Object owner) {
    locked.removeIf(range -> range.owner() == owner);
  }

  private boolean isLocked(Mapping area) {
    return overlapsOne(locked, area.start(), area.last());
  }

  private record Slice(Pages pages, long offset, long length) {}

  /** Maps what another space, or this one, has at a range. */
  long copy(Ioas source, long sourceIova, long length, Long fixed, boolean read, boolean write) {
    return insert(source.slices(sourceIova, length), length, fixed, read, write);
  }

  /** What {@link #copy} checks first. */
  void checkMapped(long iova, long length) {
    slices(iova, length);
  }

  private List<Slice> slices(long iova, long length) {
    KernelError.refuseIf(length == 0, Errno.EINVAL);
    KernelError.refuseIf(wraps(iova, length), Errno.EOVERFLOW);
    List<Slice> slices = new ArrayList<>();
    long last = iova + length - 1;
    for (long at = iova; ; ) {
      Mapping area = areas.find(at);
      KernelError.refuseIf(area == null, Errno.ENOENT);
      long end = min(last, area.last());
      slices.add(new Slice(area.pages(), area.pagesOffset(at), end - at + 1));
      if (end == last) {
        return slices;
      }
      at = end + 1;
    }
  }

  /** All of the pages, which are new. */
  private long insert(Pages pages, long length, Long fixed, boolean read, boolean write) {
    long start = place(pages.alignedAs(), length, fixed);
    Mapping area = area(start, length, write, pages, 0).readable(read);
    areas.add(area);
    if (!hwpts.isEmpty()) {
      try {
        fill(area);
      } catch (KernelError e) {
        drop(area);
        throw e;
      }
    }
    return start;
  }

  private long insert(List<Slice> slices, long length, Long fixed, boolean read, boolean write) {
    Slice first = slices.get(0);
    long start = place(first.pages().alignedAs() + first.offset(), length, fixed);
    List<Mapping> added = new ArrayList<>(slices.size());
    try {
      long at = start;
      for (Slice slice : slices) {
        Mapping area =
            area(at, slice.length(), write, slice.pages(), slice.offset()).readable(read);
        areas.add(area);
        added.add(area);
        at += slice.length();
      }
      if (!hwpts.isEmpty()) {
        added.forEach(this::fill);
      }
    } catch (KernelError e) {
      added.forEach(this::drop);
      throw e;
    }
    return start;
  }

  /** iopt_area_fill_domains(). */
  private void fill(Mapping area) {
    area.pages().pin(area);
    for (PagingHwpt hwpt : hwpts) {
      hwpt.domain().mapped(area);
    }
  }

  /** Where to map: at a fixed IOVA, or one that is chosen for memory of this address. */
  private long place(long address, long length, Long fixed) {
    KernelError.refuseIf(length == 0 || (length & (alignment - 1)) != 0, Errno.EINVAL);
    if (fixed == null) {
      return choose(address, length);
    }
    check(fixed, length);
    return fixed;
  }

  private Mapping area(long start, long length, boolean write, Pages pages, long offset) {
    KernelError.refuseIf(write && !pages.isWritable(), Errno.EPERM);
    long pageOffset = (pages.address() + offset) & (PAGE - 1);
    KernelError.refuseIf((pageOffset & (alignment - 1)) != 0, Errno.EINVAL);
    return new Mapping(start, length, write, pages, offset);
  }

  private void check(long iova, long length) {
    KernelError.refuseIf((iova & (alignment - 1)) != 0, Errno.EINVAL);
    KernelError.refuseIf(wraps(iova, length), Errno.EOVERFLOW);
    long last = iova + length - 1;
    KernelError.refuseIf(isReserved(iova, last), Errno.EINVAL);
    KernelError.refuseIf(areas.first(iova, last) != null, Errno.EEXIST);
  }

  /** iopt_alloc_iova(). */
  private long choose(long userVa, long length) {
    KernelError.refuseIf(Long.compareUnsigned(length, Long.MAX_VALUE) >= 0, Errno.EOVERFLOW);
    long wanted = length == 1 ? 1 : Long.highestOneBit(length - 1) << 1;
    if (userVa != 0) {
      wanted = min(wanted, Long.lowestOneBit(userVa));
    }
    wanted = min(wanted, MOST_ALIGNMENT);
    KernelError.refuseIf(Long.compareUnsigned(wanted, alignment) < 0, Errno.EINVAL);
    Placement placement = new Placement(wanted, userVa & (PAGE - 1), length);
    if (allowed.isEmpty()) {
      return choose(placement, PAGE, LAST_CHOICE).orElseThrow(() -> KernelError.of(Errno.ENOSPC));
    }
    for (int i = 0; i < allowed.size(); i++) {
      long start = allowed.get(i).start();
      long last = allowed.get(i).last();
      // Ranges side by side are one.
      while (i + 1 < allowed.size() && allowed.get(i + 1).start() == last + 1) {
        i++;
        last = allowed.get(i).last();
      }
      OptionalLong found = choose(placement, max(start, PAGE), min(last, LAST_CHOICE));
      if (found.isPresent()) {
        return found.getAsLong();
      }
    }
    throw KernelError.of(Errno.ENOSPC);
  }

  /** What an IOVA is wanted for. */
  private record Placement(long alignment, long pageOffset, long length) {
    /** __alloc_iova_check_range(): where it begins in a free range, if it fits there. */
    OptionalLong in(long start, long last) {
      long aligned = ((start + alignment - 1) & -alignment) | pageOffset;
      boolean fits =
          Long.compareUnsigned(start + alignment - 1, start) >= 0
              && Long.compareUnsigned(aligned, last) < 0
              && Long.compareUnsigned(last - aligned, length - 1) >= 0;
      return fits ? OptionalLong.of(aligned) : OptionalLong.empty();
    }
  }

  /** The first place in a range of IOVAs that may be used as far as it is free. */
  private OptionalLong choose(Placement placement, long start, long last) {
    if (Long.compareUnsigned(start, last) > 0 || placement.in(start, last).isEmpty()) {
      return OptionalLong.empty();
    }
    long at = placement.in(start, last).getAsLong();
    while (true) {
      Taken taken = firstTaken(at, last);
      if (taken == null) {
        return placement.in(at, last);
      }
      if (Long.compareUnsigned(at, taken.start()) < 0) {
        OptionalLong found = placement.in(at, taken.start() - 1);
        if (found.isPresent()) {
          return found;
        }
      }
      if (Long.compareUnsigned(taken.last(), last) >= 0) {
        return OptionalLong.empty();
      }
      // Holes that are too small need not be looked at one by one.
      at = areas.hole(taken.last() + 1, placement.length());
      if (Long.compareUnsigned(at, last) > 0) {
        return OptionalLong.empty();
      }
    }
  }

  private record Taken(long start, long last) {}

  /** The lowest range that is mapped or reserved, of those that reach into this one. */
  private Taken firstTaken(long start, long last) {
    Mapping area = areas.first(start, last);
    Taken first = area == null ? null : new Taken(area.start(), area.last());
    for (Reserved range : reserved) {
      boolean lower = first == null || Long.compareUnsigned(range.start(), first.start()) < 0;
      if (lower && overlaps(range.start(), range.last(), start, last)) {
        first = new Taken(range.start(), range.last());
      }
    }
    return first;
  }

  /** Removes whole mappings; gives the number of bytes. */
  long unmap(long iova, long length) {
    KernelError.refuseIf(length == 0, Errno.EINVAL);
    KernelError.refuseIf(wraps(iova, length), Errno.EOVERFLOW);
    return unmapRange(iova, iova + length - 1, null);
  }

  long unmapAll() {
    return unmapRange(0, -1, null);
  }

  /** As {@link #unmap}, told to the caller even where it fails in the middle. */
  void unmap(long iova, long length, long[] unmapped) {
    KernelError.refuseIf(length == 0, Errno.EINVAL);
    KernelError.refuseIf(wraps(iova, length), Errno.EOVERFLOW);
    unmapRange(iova, iova + length - 1, unmapped);
  }

  private long unmapRange(long start, long last, long[] soFar) {
    long bytes = 0;
    while (true) {
      Mapping area = areas.first(start, last);
      if (area == null) {
        return bytes;
      }
      KernelError.refuseIf(
          Long.compareUnsigned(area.start(), start) < 0
              || Long.compareUnsigned(area.last(), last) > 0,
          Errno.ENOENT);
      KernelError.refuseIf(isLocked(area), Errno.EBUSY);
      drop(area);
      bytes += area.length();
      if (soFar != null) {
        soFar[0] = bytes;
      }
      if (Long.compareUnsigned(area.last(), last) >= 0) {
        return bytes;
      }
      start = area.last() + 1;
    }
  }

  private void drop(Mapping area) {
    if (area.isPinned()) {
      area.pages().unpin(area);
    }
    areas.remove(area);
    for (PagingHwpt hwpt : hwpts) {
      hwpt.domain().unmapped(area);
    }
  }

  /** iopt_cut_iova(): ends a mapping with this IOVA, where it goes on. */
  void cutAfter(long iova) {
    Mapping area = areas.find(iova);
    if (area == null || iova == area.start() || iova == area.last()) {
      return;
    }
    long upperStart = iova + 1;
    long upperOffset = area.pagesOffset(upperStart);
    KernelError.refuseIf(
        (upperStart & (alignment - 1)) != 0 || (upperOffset & (alignment - 1)) != 0, Errno.EINVAL);
    KernelError.refuseIf(area.isPinned() && largePages, Errno.EINVAL);
    Mapping lower =
        new Mapping(
                area.start(),
                upperStart - area.start(),
                area.isWritable(),
                area.pages(),
                area.pagesOffset())
            .readable(area.isReadable());
    Mapping upper =
        new Mapping(upperStart, area.last() - iova, area.isWritable(), area.pages(), upperOffset)
            .readable(area.isReadable());
    if (area.isPinned()) {
      area.pages().cut(area, lower, upper);
    }
    areas.remove(area);
    areas.add(lower);
    areas.add(upper);
  }

  /** The list, of which no two overlap, replaces the one before; empty lets everything. */
  void allow(List<IovaRange> ranges) {
    List<IovaRange> sorted = new ArrayList<>(ranges);
    for (IovaRange range : sorted) {
      KernelError.refuseIf(isReserved(range.start(), range.last()), Errno.EADDRINUSE);
    }
    sorted.sort((a, b) -> Long.compareUnsigned(a.start(), b.start()));
    allowed = sorted;
  }

  /** What is not reserved, ascending. */
  List<IovaRange> usable() {
    List<Reserved> ascending = new ArrayList<>(reserved);
    ascending.sort(Comparator.comparingLong(range -> range.start() + Long.MIN_VALUE));
    List<IovaRange> usable = new ArrayList<>();
    long next = 0;
    for (Reserved range : ascending) {
      if (Long.compareUnsigned(range.start(), next) > 0) {
        usable.add(new IovaRange(next, range.start() - 1));
      }
      if (range.last() == -1) {
        return usable;
      }
      if (Long.compareUnsigned(range.last(), next) >= 0) {
        next = range.last() + 1;
      }
    }
    usable.add(new IovaRange(next, -1));
    return usable;
  }

  /** iopt_reserve_iova(). */
  void reserve(List<IovaRange> ranges, Object owner) {
    for (IovaRange range : ranges) {
      boolean allowedThere =
          allowed.stream()
              .anyMatch(
                  other -> overlaps(other.start(), other.last(), range.start(), range.last()));
      if (allowedThere || areas.first(range.start(), range.last()) != null) {
        unreserve(owner);
        throw KernelError.of(Errno.EADDRINUSE);
      }
      reserved.add(new Reserved(range.start(), range.last(), owner));
    }
  }

  /** By nobody who could take it back. */
  void reserveForever(long start, long last) {
    reserve(List.of(new IovaRange(start, last)), new Object());
  }

  void unreserve(Object owner) {
    reserved.removeIf(range -> range.owner() == owner);
  }

  /** iopt_table_add_domain(): from here on, everything is pinned. */
  void add(PagingHwpt hwpt) {
    long pageSize = hwpt.domain().pageSize();
    KernelError.refuseIf(pageSize > PAGE, Errno.EINVAL);
    checkAlignment(pageSize);
    reserve(hwpt.domain().outOfAperture(), hwpt);
    boolean first = hwpts.isEmpty();
    List<Mapping> pinned = new ArrayList<>();
    try {
      for (Mapping area : areas.all()) {
        if (first) {
          area.pages().pin(area);
          pinned.add(area);
        }
        hwpt.domain().mapped(area);
      }
    } catch (KernelError e) {
      pinned.forEach(area -> area.pages().unpin(area));
      unreserve(hwpt);
      throw e;
    }
    alignment = Math.max(alignment, pageSize);
    hwpts.add(hwpt);
  }

  void remove(PagingHwpt hwpt) {
    hwpts.remove(hwpt);
    unreserve(hwpt);
    if (hwpts.isEmpty()) {
      for (Mapping area : areas.all()) {
        area.pages().unpin(area);
      }
    }
    realign();
  }

  private void align(long wanted) {
    checkAlignment(wanted);
    alignment = Math.max(alignment, wanted);
  }

  private void checkAlignment(long wanted) {
    if (wanted <= alignment) {
      return;
    }
    for (Mapping area : areas.all()) {
      long pageOffset = (area.pages().address() + area.pagesOffset()) & (PAGE - 1);
      KernelError.refuseIf(
          ((area.start() | (area.last() + 1) | pageOffset) & (wanted - 1)) != 0, Errno.EADDRINUSE);
    }
  }

  private void realign() {
    alignment = largePages && accesses == 0 ? 1 : PAGE;
    for (PagingHwpt hwpt : hwpts) {
      alignment = Math.max(alignment, hwpt.domain().pageSize());
    }
  }

  /** iopt_add_access(): whoever pins pages wants whole ones. */
  void addAccess() {
    align(PAGE);
    accesses++;
  }

  void removeAccess() {
    accesses--;
    realign();
  }

  void largePages(boolean wanted) {
    if (wanted) {
      largePages = true;
      realign();
    } else if (largePages) {
      KernelError.refuseIf(!hwpts.isEmpty() && !areas.isEmpty(), Errno.EINVAL);
      align(PAGE);
      largePages = false;
    }
  }

  @Override
  void destroyed() {
    unmapAll();
    context().forget(this);
  }

  private boolean isReserved(long start, long last) {
    return overlapsOne(reserved, start, last);
  }

  /** A loop and no stream: it is run for every mapping. */
  private static boolean overlapsOne(List<Reserved> ranges, long start, long last) {
    for (int i = 0; i < ranges.size(); i++) {
      if (overlaps(ranges.get(i).start(), ranges.get(i).last(), start, last)) {
        return true;
      }
    }
    return false;
  }

  static boolean overlaps(long start, long last, long otherStart, long otherLast) {
    return Long.compareUnsigned(start, otherLast) <= 0
        && Long.compareUnsigned(otherStart, last) <= 0;
  }

  /** Whether the last byte is beyond the end of the space. {@code length} is not 0. */
  static boolean wraps(long start, long length) {
    return Long.compareUnsigned(start + length - 1, start) < 0;
  }

  private static long max(long one, long other) {
    return Long.compareUnsigned(one, other) >= 0 ? one : other;
  }

  private static long min(long one, long other) {
    return Long.compareUnsigned(one, other) <= 0 ? one : other;
  }
}
