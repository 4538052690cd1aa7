// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.vfio4j.Errno;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.group.uapi.VfioBitmap;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1DirtyBitmap;
import org.vfio4j.group.uapi.VfioIommuType1DirtyBitmapGet;
import org.vfio4j.group.uapi.VfioIommuType1DmaMap;
import org.vfio4j.group.uapi.VfioIommuType1DmaUnmap;
import org.vfio4j.group.uapi.VfioIommuType1Info;
import org.vfio4j.iommufd.uapi.IommuIoasMap;
import org.vfio4j.iommufd.uapi.IommuIoasUnmap;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.Explanation;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Result;
import org.vfio4j.memory.NativeBlock;

/**
 * The IOMMU of a container: type1's rules, kept on an IOAS.
 *
 * <p>An IOAS knows mappings as they were made, and refuses what would cut one, but removes what it
 * meets before that; and it has no limit. So which ranges are mapped is kept here too.
 *
 * <p>One lock, as type1 has one, held while the kernel below works: what two threads do to the same
 * addresses has one order.
 *
 * <p>Source of the rules: {@code drivers/vfio/vfio_iommu_type1.c}, where the checks are in the same
 * order.
 */
final class BridgedIommu {
  /** From IOVA 0 on, everything. */
  private static final long ALL = -1;

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

  private static final long DEFAULT_ENTRY_LIMIT = 65535;

  private static final Explanation NO_NEW_ADDRESS =
      new Explanation(
          Reason.NOT_SUPPORTED,
          "an IOAS keeps the address that memory was mapped at, and cannot be given another:"
              + " VFIO_UPDATE_VADDR is 0",
          "unmap, and map again");

  private final CompatBridge bridge;
  private final Kernel below;
  private final int iommufd;
  private final int ioas;
  private final VfioMode mode;
  private final boolean v2;
  private final long page;
  private final Mappings mappings = new Mappings();
  private final PageTables pageTables;
  private final DirtyLog dirtyLog;
  private final IommuIoasMap ioasMap;
  private final IommuIoasUnmap ioasUnmap;
  private final AtomicLong maps;
  private final AtomicLong ioasMaps;
  private final AtomicLong unmaps;
  private final AtomicLong ioasUnmaps;
  private long available;
  private boolean released;

  BridgedIommu(CompatBridge bridge, Cause cause, int iommufd) throws BridgeRefusal {
    this.bridge = bridge;
    this.below = bridge.below();
    this.iommufd = iommufd;
    this.mode = cause.mode();
    this.v2 = mode == VfioMode.BRIDGE_TYPE1V2;
    this.page = below.pageSize();
    this.available = entryLimit();
    Tally tally = bridge.tally();
    this.maps = tally.counter(mode, LegacyCall.IOMMU_MAP_DMA, null);
    this.ioasMaps = tally.counter(mode, LegacyCall.IOMMU_MAP_DMA, DeviceCall.IOMMU_IOAS_MAP);
    this.unmaps = tally.counter(mode, LegacyCall.IOMMU_UNMAP_DMA, null);
    this.ioasUnmaps = tally.counter(mode, LegacyCall.IOMMU_UNMAP_DMA, DeviceCall.IOMMU_IOAS_UNMAP);
    this.ioas = bridge.calls().allocateIoas(cause, iommufd);
    this.ioasMap = new IommuIoasMap().ioasId(ioas);
    this.ioasUnmap = new IommuIoasUnmap().ioasId(ioas);
    this.pageTables = new PageTables(bridge.calls(), iommufd, ioas, page);
    this.dirtyLog = new DirtyLog(page, mappings, pageTables);
  }

  /** As type1 takes it from its module's parameter when it is set. */
  private long entryLimit() throws BridgeRefusal {
    String parameter = "module/vfio_iommu_type1/parameters/dma_entry_limit";
    Result<byte[]> limit = below.readFile(bridge.roots().sys(parameter));
    if (Errno.EMFILE.is(limit.code()) || Errno.ENFILE.is(limit.code())) {
      throw BridgeRefusal.of(limit.errno());
    }
    String text = new String(limit.orElse(new byte[0]), StandardCharsets.US_ASCII).strip();
    return text.matches("[0-9]{1,10}") ? Long.parseLong(text) : DEFAULT_ENTRY_LIMIT;
  }

  VfioMode mode() {
    return mode;
  }

  /** The heap that is kept for the mappings, in bytes. */
  synchronized long footprint() {
    return mappings.footprint();
  }

  synchronized void attach(Cause cause, BridgedDevice device) throws BridgeRefusal {
    pageTables.attach(cause, device);
  }

  /** The IOMMU could not take all groups: those that it has taken are to be as before. */
  void detachAll(Cause cause, List<BridgedGroup> groups) {
    for (BridgedGroup group : groups) {
      for (BridgedDevice device : group.bound()) {
        pageTables.detach(cause, device);
      }
    }
    groups.forEach(group -> pageTables.left(cause, group));
  }

  /** The last group has left, with its devices. */
  synchronized void release(Cause cause) {
    released = true;
    mappings.clear();
    bridge.calls().destroy(cause, iommufd, ioas);
  }

  /** A group, of which all devices are closed, is no longer in the container. */
  synchronized void left(Cause cause, BridgedGroup group) {
    pageTables.left(cause, group);
  }

  synchronized boolean isCacheCoherent() {
    return pageTables.isCacheCoherent();
  }

  int ioctl(int request, UserArgument argument) throws BridgeRefusal {
    switch (request) {
      case VfioGroupUapi.VFIO_IOMMU_MAP_DMA -> {
        return map(argument.read(0, VfioIommuType1DmaMap.SIZEOF));
      }
      case VfioGroupUapi.VFIO_IOMMU_UNMAP_DMA -> {
        NativeBlock unmap = argument.read(0, VfioIommuType1DmaUnmap.SIZEOF);
        BridgeRefusal.check(isPlain(unmap) ? unmap(unmap) : unmapWithFlags(unmap, argument));
        argument.putLong(VfioIommuType1DmaUnmap.SIZE, unmap.getLong(VfioIommuType1DmaUnmap.SIZE));
      }
      case VfioGroupUapi.VFIO_IOMMU_GET_INFO -> {
        info(bridge.tally().made(mode, LegacyCall.IOMMU_GET_INFO), argument);
      }
      case VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES -> dirtyPages(argument);
      default -> {
        bridge.tally().refused(mode, LegacyCall.OTHER, "a container has no ioctl " + request);
        throw BridgeRefusal.of(Errno.ENOTTY);
      }
    }
    return 0;
  }

  /** VFIO_IOMMU_MAP_DMA; allocates nothing. */
  int map(NativeBlock map) throws BridgeRefusal {
    int flags = map.getInt(VfioIommuType1DmaMap.FLAGS);
    if (Integer.compareUnsigned(map.getInt(VfioIommuType1DmaMap.ARGSZ), VfioIommuType1DmaMap.SIZEOF)
            < 0
        || (flags & ~ACCESS) != 0
        || flags == 0) {
      return refusedMap(flags);
    }
    long iova = map.getLong(VfioIommuType1DmaMap.IOVA);
    long size = map.getLong(VfioIommuType1DmaMap.SIZE);
    long vaddr = map.getLong(VfioIommuType1DmaMap.VADDR);
    long last = iova + size - 1;
    if (size == 0
        || ((size | iova | vaddr) & (page - 1)) != 0
        || Long.compareUnsigned(last, iova) < 0
        || Long.compareUnsigned(vaddr + size - 1, vaddr) < 0) {
      return Errno.EINVAL.result();
    }
    maps.incrementAndGet();
    synchronized (this) {
      if (released) {
        return Errno.EINVAL.result();
      }
      if (mappings.overlaps(iova, last)) {
        return Errno.EEXIST.result();
      }
      if (available == 0) {
        return Errno.ENOSPC.result();
      }
      int access = IommufdUapi.IOMMU_IOAS_MAP_FIXED_IOVA;
      if ((flags & VfioGroupUapi.VFIO_DMA_MAP_FLAG_READ) != 0) {
        access |= IommufdUapi.IOMMU_IOAS_MAP_READABLE;
      }
      if ((flags & VfioGroupUapi.VFIO_DMA_MAP_FLAG_WRITE) != 0) {
        access |= IommufdUapi.IOMMU_IOAS_MAP_WRITEABLE;
      }
      ioasMaps.incrementAndGet();
      int result =
          below.ioctl(
              iommufd,
              IommufdUapi.IOMMU_IOAS_MAP,
              ioasMap.flags(access).userVa(vaddr).length(size).iova(iova));
      if (result < 0) {
        return Errno.EOVERFLOW.is(result) ? endOfMemory(iova, last) : result;
      }
      mappings.add(iova, size);
      available--;
      return 0;
    }
  }

  /**
   * The memory ends where 64 bits do, which no process has: an iommufd looks at that first, and
   * type1 after the IOVAs.
   */
  private int endOfMemory(long iova, long last) throws BridgeRefusal {
    if (pageTables.hasIommu()) {
      Cause cause = new Cause(mode, LegacyCall.IOMMU_MAP_DMA);
      for (IovaRange range : bridge.calls().iovaRanges(cause, iommufd, ioas)) {
        if (Long.compareUnsigned(iova, range.start()) >= 0
            && Long.compareUnsigned(last, range.last()) <= 0) {
          return Errno.EFAULT.result();
        }
      }
      return Errno.EINVAL.result();
    }
    return Errno.EFAULT.result();
  }

  private int refusedMap(int flags) throws BridgeRefusal {
    if ((flags & VfioGroupUapi.VFIO_DMA_MAP_FLAG_VADDR) != 0) {
      bridge.tally().refused(mode, LegacyCall.IOMMU_MAP_DMA_VADDR, NO_NEW_ADDRESS.fact());
      throw BridgeRefusal.of(Errno.EINVAL, NO_NEW_ADDRESS);
    }
    return Errno.EINVAL.result();
  }

  /** Whether it is a VFIO_IOMMU_UNMAP_DMA of a range, as most are. */
  static boolean isPlain(NativeBlock unmap) {
    return unmap.getInt(VfioIommuType1DmaUnmap.FLAGS) == 0;
  }

  /** VFIO_IOMMU_UNMAP_DMA without flags; allocates nothing. */
  int unmap(NativeBlock unmap) {
    long iova = unmap.getLong(VfioIommuType1DmaUnmap.IOVA);
    long size = unmap.getLong(VfioIommuType1DmaUnmap.SIZE);
    if (Integer.compareUnsigned(
                unmap.getInt(VfioIommuType1DmaUnmap.ARGSZ), VfioIommuType1DmaUnmap.SIZEOF)
            < 0
        || !isRange(iova, size)) {
      return Errno.EINVAL.result();
    }
    unmaps.incrementAndGet();
    synchronized (this) {
      long result = removeRange(iova, size);
      if (result >= 0) {
        unmap.putLong(VfioIommuType1DmaUnmap.SIZE, unmapped);
        return 0;
      }
      return (int) result;
    }
  }

  private boolean isRange(long iova, long size) {
    return size != 0
        && ((size | iova) & (page - 1)) == 0
        && Long.compareUnsigned(iova + size - 1, iova) >= 0;
  }

  /** How many bytes the last removal has removed: unsigned, and so no result. */
  private long unmapped;

  /** By the rules of v1 or v2. */
  private int removeRange(long iova, long size) {
    unmapped = 0;
    if (released) {
      return Errno.EINVAL.result();
    }
    int node = mappings.at(iova);
    if (node != Mappings.NONE && mappings.size(node) == size) {
      return removeWhole(iova, size);
    }
    long last = iova + size - 1;
    int first = mappings.first(iova, last);
    if (first == Mappings.NONE) {
      return 0;
    }
    boolean cutsFirst = mappings.iova(first) != iova && isInside(first, iova);
    if (v2) {
      int end = mappings.from(last);
      boolean cutsLast = end != Mappings.NONE && isInside(end, last) && mappings.last(end) != last;
      if (cutsFirst || cutsLast) {
        return Errno.EINVAL.result();
      }
    } else if (cutsFirst) {
      return 0;
    }
    return removeFrom(first, last);
  }

  private boolean isInside(int node, long iova) {
    return Long.compareUnsigned(mappings.iova(node), iova) <= 0
        && Long.compareUnsigned(iova, mappings.last(node)) <= 0;
  }

  /** All mappings from this one on that begin in the range, whole, each by a call of its own. */
  private int removeFrom(int first, long last) {
    int node = first;
    long bytes = 0;
    while (node != Mappings.NONE && Long.compareUnsigned(mappings.iova(node), last) <= 0) {
      int next = mappings.next(node);
      int result = removeWhole(mappings.iova(node), mappings.size(node));
      if (result < 0) {
        return result;
      }
      bytes += unmapped;
      node = next;
    }
    unmapped = bytes;
    return 0;
  }

  private int removeWhole(long iova, long size) {
    ioasUnmaps.incrementAndGet();
    int result =
        below.ioctl(iommufd, IommufdUapi.IOMMU_IOAS_UNMAP, ioasUnmap.iova(iova).length(size));
    if (result < 0) {
      return result;
    }
    mappings.remove(iova);
    available++;
    unmapped = size;
    return 0;
  }

  private int unmapWithFlags(NativeBlock unmap, UserArgument argument) throws BridgeRefusal {
    int argsz = unmap.getInt(VfioIommuType1DmaUnmap.ARGSZ);
    int flags = unmap.getInt(VfioIommuType1DmaUnmap.FLAGS);
    BridgeRefusal.refuseIf(
        Integer.compareUnsigned(argsz, VfioIommuType1DmaUnmap.SIZEOF) < 0
            || (flags & ~UNMAP_FLAGS) != 0,
        Errno.EINVAL);
    boolean withBitmap = (flags & VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP) != 0;
    BridgeRefusal.refuseIf(
        withBitmap && flags != VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP, Errno.EINVAL);
    if ((flags & VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_VADDR) != 0) {
      bridge.tally().refused(mode, LegacyCall.IOMMU_UNMAP_DMA_VADDR, NO_NEW_ADDRESS.fact());
      throw BridgeRefusal.of(Errno.EINVAL, NO_NEW_ADDRESS);
    }
    long iova = unmap.getLong(VfioIommuType1DmaUnmap.IOVA);
    long size = unmap.getLong(VfioIommuType1DmaUnmap.SIZE);
    long bytes;
    if (withBitmap) {
      Cause cause = bridge.tally().made(mode, LegacyCall.IOMMU_UNMAP_DMA_BITMAP);
      bytes = unmapWithBitmap(cause, iova, size, argsz, argument);
    } else {
      Cause cause = bridge.tally().made(mode, LegacyCall.IOMMU_UNMAP_DMA_ALL);
      BridgeRefusal.refuseIf(iova != 0 || size != 0, Errno.EINVAL);
      bytes = unmapAll(cause);
    }
    unmap.putLong(VfioIommuType1DmaUnmap.SIZE, bytes);
    return 0;
  }

  /** How many bytes that were. */
  private synchronized long unmapAll(Cause cause) throws BridgeRefusal {
    BridgeRefusal.refuseIf(released, Errno.EINVAL);
    if (mappings.count() == 0) {
      return 0;
    }
    bridge.tally().count(cause, DeviceCall.IOMMU_IOAS_UNMAP);
    int result = below.ioctl(iommufd, IommufdUapi.IOMMU_IOAS_UNMAP, ioasUnmap.iova(0).length(ALL));
    if (result < 0) {
      // A part of it may be gone.
      resync();
      throw BridgeRefusal.of(Errno.ofResult(result));
    }
    available += mappings.count();
    mappings.clear();
    return ioasUnmap.length();
  }

  /** Asks for each mapping whether it is there still, by removing it. */
  private void resync() {
    int node = mappings.from(0);
    while (node != Mappings.NONE) {
      int next = mappings.next(node);
      long iova = mappings.iova(node);
      if (Errno.ENOENT.is(removeWhole(iova, mappings.size(node)))) {
        mappings.remove(iova);
        available++;
      }
      node = next;
    }
  }

  /** How many bytes that were. */
  private long unmapWithBitmap(Cause cause, long iova, long size, int argsz, UserArgument argument)
      throws BridgeRefusal {
    int end = VfioIommuType1DmaUnmap.SIZEOF + VfioBitmap.SIZEOF;
    BridgeRefusal.refuseIf(Integer.compareUnsigned(argsz, end) < 0, Errno.EINVAL);
    NativeBlock bitmap = argument.read(VfioIommuType1DmaUnmap.SIZEOF, VfioBitmap.SIZEOF);
    DirtyLog.checkBitmap(bitmap, 0, size);
    long last = iova + size - 1;
    synchronized (this) {
      BridgeRefusal.refuseIf(released || !isRange(iova, size), Errno.EINVAL);
      dirtyLog.checkTracking(bitmap.getLong(VfioBitmap.PGSIZE));
      if (v2) {
        BridgeRefusal.refuseIf(dirtyLog.cuts(iova, last), Errno.EINVAL);
      }
      UserArgument words = argument.at(bitmap.getLong(VfioBitmap.DATA));
      dirtyLog.report(cause, words, iova, size);
      BridgeRefusal.check(removeFrom(mappings.first(iova, last), last));
      return unmapped;
    }
  }

  private void dirtyPages(UserArgument argument) throws BridgeRefusal {
    // The first thing that type1 looks at, before the argument.
    BridgeRefusal.refuseIf(!v2, Errno.EACCES);
    NativeBlock dirty = argument.read(0, VfioIommuType1DirtyBitmap.SIZEOF);
    int argsz = dirty.getInt(VfioIommuType1DirtyBitmap.ARGSZ);
    int flags = dirty.getInt(VfioIommuType1DirtyBitmap.FLAGS);
    boolean wrong =
        Integer.compareUnsigned(argsz, VfioIommuType1DirtyBitmap.SIZEOF) < 0
            || (flags & ~DIRTY_FLAGS) != 0
            || Integer.bitCount(flags) != 1;
    BridgeRefusal.refuseIf(wrong, Errno.EINVAL);
    switch (flags) {
      case VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES_FLAG_START -> {
        track(bridge.tally().made(mode, LegacyCall.DIRTY_PAGES_START), true);
      }
      case VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP -> {
        track(bridge.tally().made(mode, LegacyCall.DIRTY_PAGES_STOP), false);
      }
      default -> {
        bitmap(bridge.tally().made(mode, LegacyCall.DIRTY_PAGES_GET_BITMAP), argsz, argument);
      }
    }
  }

  private synchronized void track(Cause cause, boolean on) throws BridgeRefusal {
    BridgeRefusal.refuseIf(released, Errno.EINVAL);
    dirtyLog.track(cause, on);
  }

  private void bitmap(Cause cause, int argsz, UserArgument argument) throws BridgeRefusal {
    int end = VfioIommuType1DirtyBitmap.SIZEOF + VfioIommuType1DirtyBitmapGet.SIZEOF;
    BridgeRefusal.refuseIf(Integer.compareUnsigned(argsz, end) < 0, Errno.EINVAL);
    NativeBlock get =
        argument.read(VfioIommuType1DirtyBitmap.SIZEOF, VfioIommuType1DirtyBitmapGet.SIZEOF);
    long iova = get.getLong(VfioIommuType1DirtyBitmapGet.IOVA);
    long size = get.getLong(VfioIommuType1DirtyBitmapGet.SIZE);
    BridgeRefusal.refuseIf(Long.compareUnsigned(iova + size, iova) < 0, Errno.EINVAL);
    DirtyLog.checkBitmap(get, VfioIommuType1DirtyBitmapGet.BITMAP, size);
    long pgsize = get.getLong(VfioIommuType1DirtyBitmapGet.BITMAP + VfioBitmap.PGSIZE);
    long data = get.getLong(VfioIommuType1DirtyBitmapGet.BITMAP + VfioBitmap.DATA);
    synchronized (this) {
      boolean wrong = released || ((size | iova) & (page - 1)) != 0;
      BridgeRefusal.refuseIf(wrong, Errno.EINVAL);
      dirtyLog.checkTracking(pgsize);
      long last = iova + size - 1;
      BridgeRefusal.refuseIf(dirtyLog.cuts(iova, last), Errno.EINVAL);
      dirtyLog.report(cause, argument.at(data), iova, size);
    }
  }

  private synchronized void info(Cause cause, UserArgument argument) throws BridgeRefusal {
    BridgeRefusal.refuseIf(released, Errno.EINVAL);
    int argsz = argument.getInt(VfioIommuType1Info.ARGSZ);
    BridgeRefusal.refuseIf(
        Integer.compareUnsigned(argsz, VfioIommuType1Info.CAP_OFFSET) < 0, Errno.EINVAL);
    InfoReply reply = new InfoReply();
    reply.migration(page, DirtyLog.LARGEST_BITMAP);
    reply.available(available);
    if (pageTables.hasIommu()) {
      reply.ranges(bridge.calls().iovaRanges(cause, iommufd, ioas));
    }
    reply.put(argument, argsz, pageTables.pageSizes());
  }
}
