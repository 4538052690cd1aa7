// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import java.lang.ref.Reference;
import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.CapabilityChain;
import org.vfio4j.dma.DirtyBitmap;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.DmaSpace;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.group.uapi.VfioBitmap;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1DirtyBitmap;
import org.vfio4j.group.uapi.VfioIommuType1DirtyBitmapGet;
import org.vfio4j.group.uapi.VfioIommuType1DmaMap;
import org.vfio4j.group.uapi.VfioIommuType1DmaUnmap;
import org.vfio4j.group.uapi.VfioIommuType1Info;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.KernelObject;
import org.vfio4j.linux.Lifetime;
import org.vfio4j.memory.NativeBlock;

/**
 * The I/O address space of a container: what is mapped here is what the devices of its groups
 * reach.
 *
 * <p>Mapped memory is pinned, and counted against RLIMIT_MEMLOCK, when it is mapped. The kernel
 * chooses no IOVAs: {@link #map(long, long, DmaAccess)} and {@link #allocate(long)} choose here,
 * the lowest that is free and lets the IOMMU use large pages for memory made of them; where
 * somebody else has mapped in the same container, one above that.
 *
 * <p>Unmapping with {@link IommuType#TYPE1} differs: a range that has the first address of a
 * mapping takes the mapping whole, also what is beyond the range; one that starts inside a mapping
 * takes nothing, which {@link #unmap} reports as an error and {@link #tryUnmap} as 0. On an iommufd
 * such ranges cut mappings instead.
 *
 * <p>When the last group leaves its container, or is closed, the kernel drops all mappings; this
 * object is of no use then and is to be closed. (On an iommufd they stay.) Closing it removes what
 * is still mapped, so that no device reaches memory that nobody here stands for.
 *
 * <p>Thread safe. Linux 3.6. Source: {@code drivers/vfio/vfio_iommu_type1.c}, {@code
 * drivers/iommu/iommufd/vfio_compat.c}.
 */
public final class Type1Iommu extends KernelObject implements DmaSpace {
  private static final ThreadLocal<VfioIommuType1DmaMap> MAP =
      ThreadLocal.withInitial(VfioIommuType1DmaMap::new);
  private static final ThreadLocal<VfioIommuType1DmaUnmap> UNMAP =
      ThreadLocal.withInitial(VfioIommuType1DmaUnmap::new);

  /** Length that, from IOVA 0 on, is everything. */
  private static final long ALL = 0;

  /** Half of the space, in bytes, and where the other half begins. */
  private static final long HALF = 1L << 63;

  private final ContainerState container;
  private final IommuType type;
  private final Kernel kernel;
  private final int fd;
  private final UsedIovas used = new UsedIovas();

  /** Of the IOMMU, as {@link Type1Info#pageSizes()} had them when IOVAs were allowed last. */
  private volatile long pageSizes;

  private Type1Iommu(ContainerState container, IommuType type, Lifetime lifetime) {
    super(lifetime);
    this.container = container;
    this.type = type;
    this.kernel = container.kernel();
    this.fd = container.fd();
  }

  static Type1Iommu own(VfioContainer container, IommuType type) {
    ContainerState state = container.state();
    return of(container, type, () -> removeAll(state));
  }

  static Type1Iommu borrow(VfioContainer container, IommuType type) {
    return of(container, type, () -> {});
  }

  private static Type1Iommu of(VfioContainer container, IommuType type, Runnable release) {
    ContainerState state = container.state();
    Runnable releaseSpace =
        () -> {
          try {
            release.run();
          } finally {
            state.spaceInUse(false);
          }
        };
    Lifetime lifetime =
        new Lifetime(type + " IOMMU of " + state.name(), releaseSpace, container.lifetime());
    state.spaceInUse(true);
    return new Type1Iommu(state, type, lifetime);
  }

  public IommuType type() {
    return type;
  }

  @Override
  public Kernel kernel() {
    return kernel;
  }

  /**
   * What the IOMMU says of itself, now: groups that join or leave change it.
   *
   * @throws VfioException ({@link Reason#WRONG_STATE} when the last group has left)
   */
  public Type1Info info() {
    lifetime().enter();
    try {
      String origin = "VFIO_IOMMU_GET_INFO of " + this;
      VfioIommuType1Info info =
          CapabilityChain.query(
              origin,
              VfioIommuType1Info::new,
              argument -> {
                int result = kernel.ioctl(fd, VfioGroupUapi.VFIO_IOMMU_GET_INFO, argument);
                if (result < 0) {
                  throw Type1Errors.info(container, this, result);
                }
              });
      return Type1Info.of(origin, info);
    } finally {
      lifetime().leave();
    }
  }

  @Override
  public int tryMap(long userVa, long length, long iova, DmaAccess access) {
    lifetime().enter();
    try {
      int result = mapDma(userVa, length, iova, access);
      if (result >= 0) {
        used.mapped(iova, length);
      }
      return result;
    } finally {
      lifetime().leave();
    }
  }

  @Override
  public void map(long userVa, long length, long iova, DmaAccess access) {
    int result = tryMap(userVa, length, iova, access);
    if (result < 0) {
      throw Type1Errors.map(container, this, userVa, length, iova, result);
    }
  }

  @Override
  public long map(long userVa, long length, DmaAccess access) {
    lifetime().enter();
    try {
      if (!used.isReady()) {
        allowChoice();
      }
      long lowest = 0;
      long step = length;
      while (true) {
        long iova = used.choose(lowest, length, largestPage(userVa, length));
        if (iova == 0) {
          throw Type1Errors.noIovaLeft(this, length);
        }
        int result = mapDma(userVa, length, iova, access);
        if (result >= 0) {
          return iova;
        }
        used.refused(iova);
        if (Errno.EEXIST.is(result)) {
          // Somebody else has mapped there, nobody knows how much.
          lowest = iova + step;
          step *= 2;
          if (Long.compareUnsigned(lowest, iova) <= 0) {
            throw Type1Errors.noIovaLeft(this, length);
          }
        } else if (!Errno.EINVAL.is(result) || !allowChoice()) {
          throw Type1Errors.map(container, this, userVa, length, iova, result);
        }
      }
    } finally {
      lifetime().leave();
    }
  }

  @Override
  public long tryUnmap(long iova, long length) {
    lifetime().enter();
    try {
      return unmapDma(iova, length);
    } finally {
      lifetime().leave();
    }
  }

  @Override
  public long unmap(long iova, long length) {
    long result = tryUnmap(iova, length);
    if (result <= 0) {
      throw Type1Errors.unmap(container, this, iova, length, result);
    }
    return result;
  }

  @Override
  public long releaseMapping(long iova, long length) {
    long result = unmapDma(iova, length);
    return Errno.EINVAL.is(result) && container.mappingsAreGone() ? 0 : result;
  }

  /**
   * Removes every mapping of the container: on an iommufd every one of the IOAS that stands for it.
   * Where the kernel cannot do that at once (before Linux 5.12) in two steps, between which others
   * may map.
   *
   * @return the number of bytes that were mapped; 0 when nothing was
   */
  public long unmapAll() {
    lifetime().enter();
    try {
      long result = unmapAll(container);
      if (result < 0) {
        throw Type1Errors.unmapAll(container, this, result);
      }
      used.unmapped(0, ALL);
      return result;
    } finally {
      lifetime().leave();
    }
  }

  /**
   * Starts dirty page logging, or does nothing where it runs: from here on {@link #readDirty} can
   * be asked. Where a group has an IOMMU, type1 says of every mapped page that it is dirty, at
   * every question. Linux 5.8, {@link IommuType#TYPE1_V2} only.
   *
   * @throws VfioException ({@link Reason#NOT_SUPPORTED}: EACCES with {@link IommuType#TYPE1},
   *     {@link Reason#NOT_IN_KERNEL}: ENOTTY on an iommufd and before Linux 5.8, {@link
   *     Reason#LIMIT}: ENOMEM)
   */
  public void startDirtyLogging() {
    dirtyPages(VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES_FLAG_START);
  }

  /**
   * Stops dirty page logging, or does nothing where it does not run. Linux 5.8.
   *
   * @throws VfioException as {@link #startDirtyLogging}
   */
  public void stopDirtyLogging() {
    dirtyPages(VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP);
  }

  /**
   * Which pages of a range are dirty, and forgets it. The words of the bitmap in which mapped pages
   * are get new values; bits of what is not mapped stay. Linux 5.8.
   *
   * @param into with the smallest page size of the IOMMU, and a range that splits no mapping
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT}: EINVAL when the range or the page size
   *     is another, or logging was not started; otherwise as {@link #startDirtyLogging})
   */
  public void readDirty(DirtyBitmap into) {
    int at = VfioIommuType1DirtyBitmap.SIZEOF;
    VfioIommuType1DirtyBitmap get =
        new VfioIommuType1DirtyBitmap(VfioIommuType1DirtyBitmapGet.SIZEOF)
            .flags(VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP);
    get.putLong(at + VfioIommuType1DirtyBitmapGet.IOVA, into.iova());
    get.putLong(at + VfioIommuType1DirtyBitmapGet.SIZE, into.length());
    put(get, at + VfioIommuType1DirtyBitmapGet.BITMAP, into);
    lifetime().enter();
    try {
      int result = kernel.ioctl(fd, VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES, get);
      if (result < 0) {
        throw Type1Errors.dirtyPages(container, this, "of " + into, result);
      }
    } finally {
      Reference.reachabilityFence(into);
      lifetime().leave();
    }
  }

  /**
   * Unmaps a range, and says which of its pages were dirty. Linux 5.8.
   *
   * @param into as for {@link #readDirty}
   * @return how many bytes were mapped; 0 when nothing was
   * @throws VfioException as {@link #readDirty}; logging must run
   */
  public long unmap(DirtyBitmap into) {
    int at = VfioIommuType1DmaUnmap.SIZEOF;
    NativeBlock unmap = new NativeBlock(at + VfioBitmap.SIZEOF);
    unmap.putInt(VfioIommuType1DmaUnmap.ARGSZ, unmap.capacity());
    unmap.putInt(VfioIommuType1DmaUnmap.FLAGS, VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP);
    unmap.putLong(VfioIommuType1DmaUnmap.IOVA, into.iova());
    unmap.putLong(VfioIommuType1DmaUnmap.SIZE, into.length());
    put(unmap, at, into);
    lifetime().enter();
    try {
      int result = kernel.ioctl(fd, VfioGroupUapi.VFIO_IOMMU_UNMAP_DMA, unmap);
      if (result < 0) {
        throw Type1Errors.dirtyPages(container, this, "with the unmap of " + into, result);
      }
      used.unmapped(into.iova(), into.length());
      return unmap.getLong(VfioIommuType1DmaUnmap.SIZE);
    } finally {
      Reference.reachabilityFence(into);
      lifetime().leave();
    }
  }

  private static void put(NativeBlock block, int at, DirtyBitmap bitmap) {
    block.putLong(at + VfioBitmap.PGSIZE, bitmap.pageSize());
    block.putLong(at + VfioBitmap.SIZE, bitmap.words().capacity());
    block.putLong(at + VfioBitmap.DATA, bitmap.words().address());
  }

  private void dirtyPages(int flag) {
    lifetime().enter();
    try {
      int result =
          kernel.ioctl(
              fd,
              VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES,
              new VfioIommuType1DirtyBitmap(0).flags(flag));
      if (result < 0) {
        throw Type1Errors.dirtyPages(container, this, "in " + this, result);
      }
    } finally {
      lifetime().leave();
    }
  }

  /**
   * Says that what is mapped in a range will get another address in this process, or in the one
   * that takes over: {@link #updateAddress} of each mapping must follow. Devices go on meanwhile;
   * no group can join, and no memory can be pinned anew. For who replaces a VMM under a running
   * guest. Linux 5.12, where {@code VFIO_UPDATE_VADDR} is more than 0; without mediated devices.
   *
   * @return how many bytes are concerned
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT}: EINVAL when the range splits a mapping,
   *     is waiting for an address already, or the kernel lacks the flag, {@link Reason#IN_USE}:
   *     EBUSY with mediated devices)
   */
  public long invalidateAddresses(long iova, long length) {
    lifetime().enter();
    try {
      long result = unmapDma(kernel, fd, VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_VADDR, iova, length);
      if (result < 0) {
        throw Type1Errors.address(container, this, iova, length, result);
      }
      return result;
    } finally {
      lifetime().leave();
    }
  }

  /**
   * The new address of a mapping that waits for one. Linux 5.12.
   *
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT}: ENOENT when nothing is mapped there,
   *     EINVAL when it is not exactly one mapping, or one that does not wait)
   */
  public void updateAddress(long userVa, long length, long iova) {
    lifetime().enter();
    try {
      VfioIommuType1DmaMap map =
          MAP.get()
              .flags(VfioGroupUapi.VFIO_DMA_MAP_FLAG_VADDR)
              .vaddr(userVa)
              .iova(iova)
              .size(length);
      int result = kernel.ioctl(fd, VfioGroupUapi.VFIO_IOMMU_MAP_DMA, map);
      if (result < 0) {
        throw Type1Errors.address(container, this, iova, length, result);
      }
    } finally {
      lifetime().leave();
    }
  }

  /**
   * All of the space when the kernel does not tell: before Linux 5.5, or with mediated devices
   * only.
   */
  @Override
  public List<IovaRange> allowedIovas() {
    return info().iovaRanges().orElse(List.of(IovaRange.ALL));
  }

  @Override
  public long iovaAlignment() {
    return alignment(info());
  }

  /** Looks where IOVAs may be chosen now; whether that has changed. */
  private boolean allowChoice() {
    Type1Info info = info();
    pageSizes = info.pageSizes();
    return used.allow(info.iovaRanges().orElse(List.of(IovaRange.ALL)), alignment(info));
  }

  /**
   * The largest page that the IOMMU could use for this memory, if the IOVA fits to it; 0 for none.
   */
  private long largestPage(long userVa, long length) {
    long upToAlignment = (Long.lowestOneBit(userVa) << 1) - 1;
    long upToLength = (Long.highestOneBit(length) << 1) - 1;
    return Long.highestOneBit(pageSizes & upToAlignment & upToLength);
  }

  private long alignment(Type1Info info) {
    return info.pageSizes() == 0 ? kernel.pageSize() : Long.lowestOneBit(info.pageSizes());
  }

  private int mapDma(long userVa, long length, long iova, DmaAccess access) {
    VfioIommuType1DmaMap map = MAP.get().flags(flags(access)).vaddr(userVa).iova(iova).size(length);
    return kernel.ioctl(fd, VfioGroupUapi.VFIO_IOMMU_MAP_DMA, map);
  }

  private long unmapDma(long iova, long length) {
    long result = unmapDma(kernel, fd, 0, iova, length);
    if (result > 0) {
      used.unmapped(iova, length);
    }
    return result;
  }

  private static long unmapDma(Kernel kernel, int fd, int flags, long iova, long length) {
    VfioIommuType1DmaUnmap unmap = UNMAP.get().flags(flags).iova(iova).size(length);
    int result = kernel.ioctl(fd, VfioGroupUapi.VFIO_IOMMU_UNMAP_DMA, unmap);
    return result < 0 ? result : unmap.size();
  }

  private static int flags(DmaAccess access) {
    return (access.canRead() ? VfioGroupUapi.VFIO_DMA_MAP_FLAG_READ : 0)
        | (access.canWrite() ? VfioGroupUapi.VFIO_DMA_MAP_FLAG_WRITE : 0);
  }

  private static long unmapAll(ContainerState container) {
    Kernel kernel = container.kernel();
    int fd = container.fd();
    long all = unmapDma(kernel, fd, VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_ALL, 0, 0);
    if (Errno.ENOENT.is(all)) {
      // An iommufd before the fix of about Linux 6.18 says so when nothing was mapped.
      return 0;
    }
    if (!Errno.EINVAL.is(all) || container.mappingsAreGone()) {
      return all;
    }
    // No length says "the whole space".
    long lower = unmapDma(kernel, fd, 0, 0, HALF);
    long upper = lower < 0 ? lower : unmapDma(kernel, fd, 0, HALF, HALF);
    return upper < 0 ? upper : lower + upper;
  }

  /** For the release: the container may have lost its IOMMU, and so all mappings, before. */
  private static void removeAll(ContainerState container) {
    long result = unmapAll(container);
    if (result < 0 && !(Errno.EINVAL.is(result) && container.mappingsAreGone())) {
      throw VfioException.failed(Reason.OTHER, Type1Errors.UNMAP)
          .on("of everything in " + container.name())
          .result(result)
          .fact("what is still mapped there, devices may still reach")
          .hint("close the devices before the memory is used for something else")
          .build();
    }
  }
}
