// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.DmaSpace;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.iommufd.uapi.IommuIoasAllowIovas;
import org.vfio4j.iommufd.uapi.IommuIoasCopy;
import org.vfio4j.iommufd.uapi.IommuIoasIovaRanges;
import org.vfio4j.iommufd.uapi.IommuIoasMap;
import org.vfio4j.iommufd.uapi.IommuIoasMapFile;
import org.vfio4j.iommufd.uapi.IommuIoasNoiommuGetPa;
import org.vfio4j.iommufd.uapi.IommuIoasUnmap;
import org.vfio4j.iommufd.uapi.IommuIovaRange;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.KernelObject;
import org.vfio4j.linux.Lifetime;
import org.vfio4j.memory.NativeBlock;

/**
 * An I/O address space of an iommufd: what is mapped here is what the devices attached to it reach.
 *
 * <p>While no device is attached nothing is pinned: memory that cannot be pinned, or exceeds
 * RLIMIT_MEMLOCK, is found out when a device is attached, or at the next map after that. The kernel
 * chooses IOVAs from the lowest address up.
 *
 * <p>Thread safe. Linux 6.2. Source: {@code drivers/iommu/iommufd/ioas.c}, {@code io_pagetable.c}.
 */
public final class Ioas extends KernelObject implements DmaSpace, IoPageTable {
  private static final ThreadLocal<IommuIoasMap> MAP = ThreadLocal.withInitial(IommuIoasMap::new);
  private static final ThreadLocal<IommuIoasUnmap> UNMAP =
      ThreadLocal.withInitial(IommuIoasUnmap::new);

  /** Length that, from IOVA 0 on, means everything. */
  private static final long ALL = -1;

  private static final int FIRST_GUESS_OF_RANGES = 8;

  /** There are as many as reserved regions and mappings of the hardware make: some tens. */
  private static final int MAX_RANGES = 1 << 16;

  /** The ranges may become more between two calls, but not for ever. */
  private static final int MAX_ATTEMPTS = 8;

  private final Iommufd iommufd;
  private final IoasId id;
  private final Kernel kernel;
  private final int fd;

  private Ioas(Iommufd iommufd, IoasId id, Lifetime lifetime) {
    super(lifetime);
    this.iommufd = iommufd;
    this.id = id;
    this.kernel = iommufd.kernel();
    this.fd = iommufd.fdForChildren();
  }

  static Ioas own(Iommufd iommufd, IoasId id) {
    Kernel kernel = iommufd.kernel();
    int fd = iommufd.fdForChildren();
    String name = id + " of " + iommufd.lifetime().name();
    Runnable destroy = () -> Iommufd.destroy(kernel, fd, id.value(), name);
    return new Ioas(iommufd, id, new Lifetime(name, destroy, iommufd.lifetime()));
  }

  static Ioas borrow(Iommufd iommufd, IoasId id) {
    String name = id + " (borrowed) of " + iommufd.lifetime().name();
    return new Ioas(iommufd, id, new Lifetime(name, () -> {}, iommufd.lifetime()));
  }

  public IoasId id() {
    return id;
  }

  @Override
  public PtId ptId() {
    return id;
  }

  @Override
  public Iommufd iommufd() {
    return iommufd;
  }

  @Override
  public Kernel kernel() {
    return kernel;
  }

  @Override
  public int tryMap(long userVa, long length, long iova, DmaAccess access) {
    lifetime().enter();
    try {
      return ioasMap(IommufdUapi.IOMMU_IOAS_MAP_FIXED_IOVA, userVa, length, iova, access);
    } finally {
      lifetime().leave();
    }
  }

  @Override
  public void map(long userVa, long length, long iova, DmaAccess access) {
    int result = tryMap(userVa, length, iova, access);
    if (result < 0) {
      throw IommufdErrors.map(this, userVa, length, iova, access, result);
    }
  }

  @Override
  public long map(long userVa, long length, DmaAccess access) {
    lifetime().enter();
    try {
      int result = ioasMap(0, userVa, length, 0, access);
      if (result < 0) {
        throw IommufdErrors.mapAnywhere(this, userVa, length, access, result);
      }
      return MAP.get().iova();
    } finally {
      lifetime().leave();
    }
  }

  @Override
  public long tryUnmap(long iova, long length) {
    lifetime().enter();
    try {
      return releaseMapping(iova, length);
    } finally {
      lifetime().leave();
    }
  }

  @Override
  public long unmap(long iova, long length) {
    long result = tryUnmap(iova, length);
    if (result < 0) {
      throw IommufdErrors.unmap(this, iova, length, result);
    }
    return result;
  }

  @Override
  public long releaseMapping(long iova, long length) {
    IommuIoasUnmap unmap = UNMAP.get().ioasId(id.value()).iova(iova).length(length);
    int result = kernel.ioctl(fd, IommufdUapi.IOMMU_IOAS_UNMAP, unmap);
    // Unsigned: a space with nothing attached takes mappings of up to 2^64 bytes.
    return result < 0 ? result : unmap.length() < 0 ? Long.MAX_VALUE : unmap.length();
  }

  /**
   * Removes every mapping of the space.
   *
   * @return the number of bytes that were mapped, at most {@link Long#MAX_VALUE}; 0 when nothing
   *     was
   */
  public long unmapAll() {
    long result = tryUnmap(0, ALL);
    // Kernels before the fix of about 6.18 say ENOENT for an empty space.
    if (result < 0 && !Errno.ENOENT.is(result)) {
      throw IommufdErrors.unmap(this, 0, ALL, result);
    }
    return Math.max(0, result);
  }

  /**
   * Maps a part of a file of memory (memfd, hugetlbfs; since Linux 6.19 also a dma-buf of a VFIO
   * device, which is not counted as locked) at the given IOVA. It stays the file's when the process
   * that maps it goes. Linux 6.13.
   *
   * @param file a descriptor, which may be closed afterwards
   * @param start where in the file, in bytes
   * @throws VfioException as {@link #map(long, long, long, DmaAccess)}; {@link
   *     Reason#NOT_IN_KERNEL} before Linux 6.13
   */
  public void mapFile(int file, long start, long length, long iova, DmaAccess access) {
    mapFile(file, start, length, iova, access, IommufdUapi.IOMMU_IOAS_MAP_FIXED_IOVA);
  }

  /** As {@link #mapFile(int, long, long, long, DmaAccess)} at an IOVA that is free, the result. */
  public long mapFile(int file, long start, long length, DmaAccess access) {
    return mapFile(file, start, length, 0, access, 0);
  }

  private long mapFile(int file, long start, long length, long iova, DmaAccess access, int fixed) {
    lifetime().enter();
    try {
      IommuIoasMapFile map =
          new IommuIoasMapFile()
              .flags(fixed | flags(access))
              .ioasId(id.value())
              .fd(file)
              .start(start)
              .length(length)
              .iova(iova);
      int result = kernel.ioctl(fd, IommufdUapi.IOMMU_IOAS_MAP_FILE, map);
      if (result < 0) {
        throw HwptErrors.mapFile(this, file, start, length, result);
      }
      return map.iova();
    } finally {
      lifetime().leave();
    }
  }

  /**
   * Where a device without an IOMMU finds what is mapped at an IOVA: the physical addresses that it
   * is to be programmed with. Newer than Linux 7.1, with CONFIG_IOMMUFD_NOIOMMU.
   *
   * @param most how many bytes are of interest; 0 for all that lie side by side
   * @throws VfioException ({@link Reason#NO_PERMISSION}: EPERM without CAP_SYS_RAWIO, {@link
   *     Reason#INVALID_ARGUMENT}: EINVAL when no such device is attached, {@link
   *     Reason#NO_SUCH_DEVICE}: ENOENT when nothing is mapped there)
   */
  public PhysicalRange noIommuPhysical(long iova, long most) {
    lifetime().enter();
    try {
      IommuIoasNoiommuGetPa get =
          new IommuIoasNoiommuGetPa().ioasId(id.value()).iova(iova).length(most);
      int result = kernel.ioctl(fd, IommufdUapi.IOMMU_IOAS_NOIOMMU_GET_PA, get);
      if (result < 0) {
        throw HwptErrors.physical(this, iova, result);
      }
      return new PhysicalRange(get.outPhys(), get.length());
    } finally {
      lifetime().leave();
    }
  }

  /**
   * Maps here, at the given IOVA, what {@code source} has mapped in a range: any part of one or
   * several of its mappings. The pages are shared and not counted again.
   *
   * @throws VfioException ({@link Reason#NO_SUCH_DEVICE}: ENOENT when the source has a hole there,
   *     {@link Reason#OVERLAP}, {@link Reason#INVALID_ARGUMENT})
   */
  public void copy(Ioas source, long sourceIova, long length, long iova, DmaAccess access) {
    copy(source, sourceIova, length, iova, access, IommufdUapi.IOMMU_IOAS_MAP_FIXED_IOVA);
  }

  /** As {@link #copy(Ioas, long, long, long, DmaAccess)} at an IOVA that is free, the result. */
  public long copy(Ioas source, long sourceIova, long length, DmaAccess access) {
    return copy(source, sourceIova, length, 0, access, 0);
  }

  @Override
  public List<IovaRange> allowedIovas() {
    return query().ranges();
  }

  @Override
  public long iovaAlignment() {
    return query().alignment();
  }

  /** Where nothing can be mapped, ascending: the complement of {@link #allowedIovas()}. */
  public List<IovaRange> reservedIovas() {
    List<IovaRange> reserved = new ArrayList<>();
    long next = 0;
    for (IovaRange allowed : allowedIovas()) {
      if (allowed.start() != next) {
        reserved.add(new IovaRange(next, allowed.start() - 1));
      }
      next = allowed.last() + 1;
      if (next == 0) {
        return List.copyOf(reserved);
      }
    }
    reserved.add(new IovaRange(next, -1));
    return List.copyOf(reserved);
  }

  /**
   * Says where the kernel may choose IOVAs; an empty list lifts that again. Maps at a given IOVA
   * are not bound by it. Devices whose reserved ranges hit the list can no longer be attached.
   *
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT} when ranges overlap each other or hold
   *     one address only, {@link Reason#OVERLAP}: EADDRINUSE when one hits a reserved range)
   */
  public void allowIovas(List<IovaRange> ranges) {
    NativeBlock array = new NativeBlock(ranges.size() * IommuIovaRange.SIZEOF);
    lifetime().enter();
    try {
      for (int i = 0; i < ranges.size(); i++) {
        int at = i * IommuIovaRange.SIZEOF;
        array.putLong(at + IommuIovaRange.START, ranges.get(i).start());
        array.putLong(at + IommuIovaRange.LAST, ranges.get(i).last());
      }
      IommuIoasAllowIovas allow =
          new IommuIoasAllowIovas()
              .ioasId(id.value())
              .numIovas(ranges.size())
              .allowedIovas(array.address());
      int result = kernel.ioctl(fd, IommufdUapi.IOMMU_IOAS_ALLOW_IOVAS, allow);
      if (result < 0) {
        throw IommufdErrors.allow(this, ranges, result);
      }
    } finally {
      Reference.reachabilityFence(array);
      lifetime().leave();
    }
  }

  /**
   * A hardware page table over this space, for the IOMMU in front of {@code device}: where
   * attaching to the space itself does not say enough. Linux 6.6.
   */
  public PagingHwpt.Builder hwpt(DevId device) {
    return new PagingHwpt.Builder(this, device);
  }

  /** Whether the hardware may map this space with large pages; it may unless told otherwise. */
  public boolean hugePages() {
    return iommufd.getOption(IommufdUapi.IOMMU_OPTION_HUGE_PAGES, id.value()) != 0;
  }

  /**
   * Allows or forbids large pages.
   *
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT} when forbidding them with a device
   *     attached and something mapped, {@link Reason#OVERLAP}: EADDRINUSE when something mapped is
   *     not page aligned)
   */
  public void setHugePages(boolean allowed) {
    iommufd.setOption(IommufdUapi.IOMMU_OPTION_HUGE_PAGES, id.value(), allowed ? 1 : 0);
  }

  /** The argument block has the chosen IOVA afterwards. */
  private int ioasMap(int fixed, long userVa, long length, long iova, DmaAccess access) {
    IommuIoasMap map =
        MAP.get()
            .flags(fixed | flags(access))
            .ioasId(id.value())
            .userVa(userVa)
            .length(length)
            .iova(iova);
    return kernel.ioctl(fd, IommufdUapi.IOMMU_IOAS_MAP, map);
  }

  private long copy(
      Ioas source, long sourceIova, long length, long iova, DmaAccess access, int fixed) {
    lifetime().enter();
    try {
      IommuIoasCopy copy =
          new IommuIoasCopy()
              .flags(fixed | flags(access))
              .dstIoasId(id.value())
              .srcIoasId(source.id.value())
              .length(length)
              .dstIova(iova)
              .srcIova(sourceIova);
      int result = kernel.ioctl(fd, IommufdUapi.IOMMU_IOAS_COPY, copy);
      if (result < 0) {
        throw IommufdErrors.copy(this, source, sourceIova, length, iova, access, result);
      }
      return copy.dstIova();
    } finally {
      lifetime().leave();
    }
  }

  private static int flags(DmaAccess access) {
    return (access.canRead() ? IommufdUapi.IOMMU_IOAS_MAP_READABLE : 0)
        | (access.canWrite() ? IommufdUapi.IOMMU_IOAS_MAP_WRITEABLE : 0);
  }

  /** {@code needed}: how many ranges there are; more than {@code ranges} when they had no room. */
  private record Iovas(List<IovaRange> ranges, int needed, long alignment) {}

  private Iovas query() {
    lifetime().enter();
    try {
      Iovas iovas = query(FIRST_GUESS_OF_RANGES);
      for (int i = 0; i < MAX_ATTEMPTS && iovas.needed > iovas.ranges.size(); i++) {
        iovas = query(iovas.needed);
      }
      if (iovas.needed > iovas.ranges.size()) {
        throw IommufdErrors.malformed("IOMMU_IOAS_IOVA_RANGES", "of " + this, iovas.needed);
      }
      return iovas;
    } finally {
      lifetime().leave();
    }
  }

  private Iovas query(int room) {
    NativeBlock array = new NativeBlock(room * IommuIovaRange.SIZEOF);
    try {
      IommuIoasIovaRanges query =
          new IommuIoasIovaRanges().ioasId(id.value()).numIovas(room).allowedIovas(array.address());
      int result = kernel.ioctl(fd, IommufdUapi.IOMMU_IOAS_IOVA_RANGES, query);
      int needed = query.numIovas();
      boolean tooMany = Errno.EMSGSIZE.is(result) && needed > room;
      if (result < 0 && !tooMany) {
        throw IommufdErrors.call("IOMMU_IOAS_IOVA_RANGES", "of " + this, result).build();
      }
      if (needed < 0 || needed > MAX_RANGES) {
        throw IommufdErrors.malformed("IOMMU_IOAS_IOVA_RANGES", "of " + this, needed);
      }
      return new Iovas(ranges(array, Math.min(room, needed)), needed, query.outIovaAlignment());
    } finally {
      Reference.reachabilityFence(array);
    }
  }

  private static List<IovaRange> ranges(NativeBlock array, int count) {
    List<IovaRange> ranges = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      int at = i * IommuIovaRange.SIZEOF;
      ranges.add(
          new IovaRange(
              array.getLong(at + IommuIovaRange.START), array.getLong(at + IommuIovaRange.LAST)));
    }
    return List.copyOf(ranges);
  }
}
