// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.List;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1DmaMap;
import org.vfio4j.group.uapi.VfioIommuType1DmaUnmap;
import org.vfio4j.group.uapi.VfioIommuType1Info;
import org.vfio4j.linux.Linux;

/**
 * A container: VFIO's own, or an iommufd that is used as one.
 *
 * <p>Left out is what type1 leaves undefined: page sizes of 0 in a bitmap, and
 * VFIO_IOMMU_DIRTY_PAGES without a flag.
 */
public final class Type1Calls {
  private static final long PAGE = Iovas.PAGE;
  private static final int READ = VfioGroupUapi.VFIO_DMA_MAP_FLAG_READ;
  private static final int WRITE = VfioGroupUapi.VFIO_DMA_MAP_FLAG_WRITE;
  private static final int MAP_VADDR = VfioGroupUapi.VFIO_DMA_MAP_FLAG_VADDR;
  private static final int UNMAP_BITMAP = VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
  private static final int UNMAP_ALL = VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_ALL;
  private static final int UNMAP_VADDR = VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_VADDR;
  private static final int INFO_AREA = 256;
  private static final int BITS_AREA = 64;
  private static final int UNKNOWN_AREA = 64;
  private static final int TYPE1_NESTING = 6;
  private static final int MOST_FILES = 2;

  private final String node;
  private final String kind;
  private final int type;
  private final boolean toTheEnd;

  /**
   * @param node what is opened
   * @param kind of the descriptor's handle
   * @param type what SET_IOMMU mostly asks for
   */
  public Type1Calls(String node, String kind, int type) {
    this(node, kind, type, true);
  }

  private Type1Calls(String node, String kind, int type, boolean toTheEnd) {
    this.node = node;
    this.kind = kind;
    this.type = type;
    this.toTheEnd = toTheEnd;
  }

  /**
   * Maps nothing that ends where 64 bits do. Only a container of nothing but mediated devices takes
   * that, and until about Linux 6.18 what is found beside it depends on how the kernel's tree
   * happens to be balanced: the end is 0, and below everything (vfio_find_dma()).
   */
  Type1Calls belowTheEnd() {
    return new Type1Calls(node, kind, type, false);
  }

  /** A container with a group, and an IOMMU. */
  public List<CallKind.Generator> opening() {
    return opening(GroupCalls::open);
  }

  List<CallKind.Generator> opening(CallKind.Generator group) {
    return List.of(
        this::open, group, (draw, world) -> GroupCalls.join(draw, world, kind), this::set);
  }

  /** All of them. */
  public List<CallKind> kinds() {
    return List.of(
        new CallKind(world -> few(world), this::open),
        CallKind.of(0, 1, kind, this::close),
        new CallKind(
            world -> world.find(GroupCalls.GROUP, this::waits) == null ? 2 : 30, this::set),
        CallKind.of(0, 5, kind, this::extension),
        CallKind.of(0, 5, kind, this::info),
        CallKind.of(0, 36, kind, this::map),
        CallKind.of(0, 26, kind, this::unmap),
        CallKind.of(0, 10, kind, this::dirtyPages),
        CallKind.of(0, 2, kind, this::unknown));
  }

  /** Whether the group is in a container without an IOMMU. */
  private boolean waits(Handle group) {
    Handle container = group.partner();
    return container != null && container.isOpen() && container.state() == 0;
  }

  private int few(World world) {
    int count = world.count(kind);
    return count == 0 ? 100 : count < MOST_FILES ? 1 : 0;
  }

  private Call open(Draw draw, World world) {
    return Call.open(node, Linux.O_RDWR, world.handle(kind));
  }

  private Call close(Draw draw, World world) {
    Argument fd = world.fd(draw, kind);
    return fd == null ? null : Call.close(fd);
  }

  private Call set(Draw draw, World world) {
    Argument fd = world.fd(draw, kind);
    if (fd == null) {
      return null;
    }
    long asked = draw.chance(85) ? type : draw.of(0L, 1L, 2L, 3L, 4L, TYPE1_NESTING, 8L, 9L, -1L);
    return Call.ioctl("VFIO_SET_IOMMU", VfioGroupUapi.VFIO_SET_IOMMU, fd, Argument.of(asked))
        .learn(() -> isSet(fd.handle()));
  }

  private static void isSet(Handle container) {
    if (container != null) {
      container.state(1);
    }
  }

  private Call extension(Draw draw, World world) {
    Argument fd = world.fd(draw, kind);
    if (fd == null) {
      return null;
    }
    if (draw.chance(10)) {
      int request = VfioGroupUapi.VFIO_GET_API_VERSION;
      return Call.ioctl("VFIO_GET_API_VERSION", request, fd, Argument.of(0));
    }
    Argument asked = Argument.of(draw.chance(90) ? draw.below(13) : draw.bits());
    return Call.ioctl("VFIO_CHECK_EXTENSION", VfioGroupUapi.VFIO_CHECK_EXTENSION, fd, asked);
  }

  private Call info(Draw draw, World world) {
    Argument fd = world.fd(draw, kind);
    if (fd == null) {
      return null;
    }
    int argsz = draw.of(INFO_AREA, INFO_AREA, 16, 20, VfioIommuType1Info.SIZEOF, 15, 0, 100, -1);
    return Call.ioctl("VFIO_IOMMU_GET_INFO", VfioGroupUapi.VFIO_IOMMU_GET_INFO, fd)
        .u32("argsz", VfioIommuType1Info.ARGSZ, argsz)
        .u32("flags", VfioIommuType1Info.FLAGS, draw.mostly(0, -1))
        .area(0, INFO_AREA);
  }

  private Call map(Draw draw, World world) {
    Argument fd = world.fd(draw, kind);
    if (fd == null) {
      return null;
    }
    Handle space = fd.handle();
    boolean vaddr = draw.chance(6);
    Handle.Range range = vaddr ? Iovas.range(draw, space) : null;
    long length = vaddr ? range.length() : Iovas.length(draw);
    Argument iova = vaddr ? range.iova() : Iovas.any(draw, space);
    if (!toTheEnd && iova.equals(Argument.of(-length))) {
      return null;
    }
    int access = draw.of(READ, READ | WRITE, READ | WRITE, WRITE);
    int flags = vaddr ? MAP_VADDR : draw.mostly(access, 0, MAP_VADDR | READ, 8, -1);
    Call call = Call.ioctl("VFIO_IOMMU_MAP_DMA", VfioGroupUapi.VFIO_IOMMU_MAP_DMA, fd);
    return GroupCalls.argsz(draw, call, VfioIommuType1DmaMap.SIZEOF)
        .u32("flags", VfioIommuType1DmaMap.FLAGS, flags)
        .u64("vaddr", VfioIommuType1DmaMap.VADDR, Iovas.memory(draw, world, length))
        .u64("iova", VfioIommuType1DmaMap.IOVA, iova)
        .u64("size", VfioIommuType1DmaMap.SIZE, length)
        .learn(() -> mapped(space, iova, length));
  }

  private static void mapped(Handle space, Argument iova, long length) {
    if (space != null) {
      space.mapped(iova, length);
    }
  }

  private Call unmap(Draw draw, World world) {
    Argument fd = world.fd(draw, kind);
    if (fd == null) {
      return null;
    }
    int way = draw.below(100);
    boolean all = way < 4;
    boolean bitmap = way >= 4 && way < 14;
    boolean vaddr = way >= 14 && way < 22;
    Handle.Range range = Iovas.range(draw, fd.handle());
    boolean none = all && draw.chance(80);
    Argument iova = none ? Argument.of(0) : range.iova();
    long size = none ? 0 : range.length();
    int usual = all ? UNMAP_ALL : bitmap ? UNMAP_BITMAP : vaddr ? UNMAP_VADDR : 0;
    int flags = draw.mostly(usual, UNMAP_ALL | UNMAP_VADDR, UNMAP_ALL | UNMAP_BITMAP, 8, -1);
    int length = VfioIommuType1DmaUnmap.SIZEOF + (bitmap ? 24 : 0);
    Call call = Call.ioctl("VFIO_IOMMU_UNMAP_DMA", VfioGroupUapi.VFIO_IOMMU_UNMAP_DMA, fd);
    GroupCalls.argsz(draw, call, length)
        .u32("flags", VfioIommuType1DmaUnmap.FLAGS, flags)
        .u64("iova", VfioIommuType1DmaUnmap.IOVA, iova)
        .u64("size", VfioIommuType1DmaUnmap.SIZE, size)
        .learn(() -> unmapped(fd.handle(), range, flags));
    return bitmap(draw, call, VfioIommuType1DmaUnmap.SIZEOF, size);
  }

  private static void unmapped(Handle space, Handle.Range range, int flags) {
    if (space != null && flags == 0) {
      space.ranges().remove(range);
    }
  }

  /** A struct vfio_bitmap at {@code at}, for so many bytes of IOVAs. */
  private static Call bitmap(Draw draw, Call call, int at, long size) {
    long pages = Math.min(Math.max(size / PAGE, 1), BITS_AREA * Byte.SIZE);
    long bytes = (pages + Long.SIZE - 1) / Long.SIZE * Long.BYTES;
    call.u64("bitmap.pgsize", at, draw.mostly(PAGE, 1L, 2 * PAGE, 1L << 21, PAGE + 1))
        .u64("bitmap.size", at + 8, draw.mostly(bytes, 0L, bytes - 1, bytes + 8, 1L << 28, -1L));
    if (draw.chance(3)) {
      return call.u64("bitmap.data", at + 16, draw.of(0L, 0x7fff_ffff_f000L, -PAGE));
    }
    call.pointer("bitmap.data", at + 16, IommufdCalls.ARRAY);
    for (int i = 0; i < BITS_AREA; i += Long.BYTES) {
      call.u64("bits", IommufdCalls.ARRAY + i, draw.mostly(0L, -1L, 0x5555L));
    }
    return call;
  }

  private Call dirtyPages(Draw draw, World world) {
    Argument fd = world.fd(draw, kind);
    if (fd == null) {
      return null;
    }
    int request = VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES;
    Call call = Call.ioctl("VFIO_IOMMU_DIRTY_PAGES", request, fd);
    int way = draw.below(100);
    if (way < 35) {
      int start = VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES_FLAG_START;
      int stop = VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP;
      int flags = way < 27 ? start : draw.of(stop, stop, start | stop, 8, -1);
      return GroupCalls.argsz(draw, call, 8).u32("flags", 4, flags);
    }
    Handle.Range range = Iovas.range(draw, fd.handle());
    // From a little before it, so that bits have to be moved.
    long before = draw.of(0L, 0L, PAGE, 3 * PAGE, 70 * PAGE);
    long size = range.length() + before;
    int get = VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP;
    GroupCalls.argsz(draw, call, 48)
        .u32("flags", 4, draw.mostly(get, get | 1))
        .u64("iova", 8, range.iova().plus(-before))
        .u64("size", 16, size);
    return bitmap(draw, call, 24, size);
  }

  private Call unknown(Draw draw, World world) {
    Argument fd = world.fd(draw, kind);
    if (fd == null) {
      return null;
    }
    if (draw.chance(40)) {
      int request = draw.of(0x3B70, 0x3B71, 0x3B72, 0x3B75);
      Argument nowhere = Argument.of(draw.of(0L, PAGE, -PAGE));
      return Call.ioctl("0x" + Integer.toHexString(request), request, fd, nowhere);
    }
    int request = draw.of(0x3B67, 0x3B6E, 0x3B73, 0x3B74, 0x3B76, 0x3B79, 0x3C00, 0);
    return Call.ioctl("0x" + Integer.toHexString(request), request, fd).area(0, UNKNOWN_AREA);
  }
}
