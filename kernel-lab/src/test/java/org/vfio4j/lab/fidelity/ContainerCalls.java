// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.vfio4j.group.uapi.VfioBitmap;
import org.vfio4j.group.uapi.VfioGroupStatus;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1DirtyBitmap;
import org.vfio4j.group.uapi.VfioIommuType1DirtyBitmapGet;
import org.vfio4j.group.uapi.VfioIommuType1DmaMap;
import org.vfio4j.group.uapi.VfioIommuType1DmaUnmap;
import org.vfio4j.group.uapi.VfioIommuType1Info;
import org.vfio4j.linux.Linux;

/**
 * Containers, groups, and what is mapped in them: with groups that come and go, devices that are
 * opened and closed, bitmaps and information.
 *
 * <p>What Linux leaves undefined is never asked: a page size of 0, dirty pages without a flag. And
 * bitmaps are asked for once after each start: type1 shifts its own bitmap of a mapping to where
 * the caller wants it and clears it where it was, so that the next answer has bits behind the
 * mapping that mean nothing.
 */
public final class ContainerCalls {
  private static final String CONTAINER = "container";
  private static final String GROUP = "group";
  private static final String DEVICE = "device";

  private static final long PAGE = Iovas.PAGE;
  private static final int BITMAP = 1024;
  private static final int BITMAP_BYTES = 512;
  private static final int INFO_BYTES = 512;
  private static final int MOST_CONTAINERS = 3;

  /** States of a container: what the next call about dirty pages has to be. */
  private static final int TO_STOP = 0;

  private static final int TO_START = 1;
  private static final int TO_ASK = 2;
  private static final int READ = VfioGroupUapi.VFIO_DMA_MAP_FLAG_READ;
  private static final int WRITE = VfioGroupUapi.VFIO_DMA_MAP_FLAG_WRITE;

  /** Path of a group's node and name of its device. */
  private record Place(String group, String device) {}

  private final List<Place> places;
  private final int type;

  private ContainerCalls(List<Place> places, int type) {
    this.places = places;
    this.type = type;
  }

  /**
   * A domain over groups with a device each.
   *
   * @param type of the IOMMU that containers mostly get
   * @param nodesAndDevices in turn the path of a group's node and the name of its device
   */
  public static Domain domain(String name, int type, String... nodesAndDevices) {
    List<Place> places = new ArrayList<>();
    for (int i = 0; i < nodesAndDevices.length; i += 2) {
      places.add(new Place(nodesAndDevices[i], nodesAndDevices[i + 1]));
    }
    ContainerCalls calls = new ContainerCalls(places, type);
    return new Domain(name, calls.opening(), calls.kinds());
  }

  private List<CallKind.Generator> opening() {
    return List.of(this::openContainer, this::openGroup, this::join, this::setIommu);
  }

  private List<CallKind> kinds() {
    return List.of(
        new CallKind(
            world -> world.count(CONTAINER) == 0 ? 100 : few(world, CONTAINER, MOST_CONTAINERS),
            this::openContainer),
        new CallKind(world -> closed(world).isEmpty() ? 2 : 25, this::openGroup),
        // A group is kept by its devices: without this most are, and can be opened by nobody.
        new CallKind(world -> closed(world).isEmpty() ? 0 : 40, this::closeDevice),
        CallKind.of(2, this::duplicate),
        CallKind.of(3, this::close),
        new CallKind(world -> apart(world) == null ? 2 : 16, this::join),
        CallKind.of(3, this::leave),
        CallKind.of(4, this::status),
        new CallKind(world -> waiting(world) == null ? 2 : 24, this::setIommu),
        CallKind.of(3, this::extension),
        CallKind.of(4, this::openDevice),
        CallKind.of(6, this::info),
        CallKind.of(45, this::map),
        CallKind.of(28, this::unmap),
        CallKind.of(4, this::startOrStop),
        CallKind.of(8, this::bitmap),
        CallKind.of(6, this::unmapWithBitmap),
        CallKind.of(1, this::unknown));
  }

  /** The groups that nobody has open. */
  private List<Integer> closed(World world) {
    return IntStream.range(0, places.size())
        .filter(place -> world.find(GROUP, group -> group.state() == place) == null)
        .boxed()
        .toList();
  }

  /** A group that is in no container; null where there is none. */
  private static Handle apart(World world) {
    return world.find(GROUP, group -> group.partner() == null);
  }

  /** A container with a group and no IOMMU; null where there is none. */
  private static Handle waiting(World world) {
    return world.find(
        CONTAINER, container -> container.partner() == null && hasGroup(world, container));
  }

  private static boolean hasGroup(World world, Handle container) {
    return world.find(GROUP, group -> group.partner() == container) != null;
  }

  /** A container, mostly one that has an IOMMU: its partner is its IOMMU's name, itself. */
  private static Argument space(Draw draw, World world) {
    List<Handle> ready =
        world.open(CONTAINER).stream().filter(container -> container.partner() != null).toList();
    return ready.isEmpty() || draw.chance(15)
        ? world.fd(draw, CONTAINER)
        : Argument.of(draw.of(ready));
  }

  /** Of a group that is, as far as the calls tell, no longer in its container. */
  private static void left(World world, Handle group) {
    Handle container = group == null ? null : group.partner();
    if (container != null) {
      group.partner(null);
      if (!hasGroup(world, container)) {
        container.partner(null);
        container.ranges().clear();
      }
    }
  }

  private static int few(World world, String kind, int most) {
    return world.count(kind) < most ? 2 : 0;
  }

  private Call openContainer(Draw draw, World world) {
    return Call.open("/dev/vfio/vfio", Linux.O_RDWR, world.handle(CONTAINER));
  }

  private Call openGroup(Draw draw, World world) {
    List<Integer> closed = closed(world);
    boolean any = closed.isEmpty() || draw.chance(10);
    int which = any ? draw.below(places.size()) : draw.of(closed);
    Handle made = world.handle(GROUP);
    made.state(which);
    return Call.open(places.get(which).group(), Linux.O_RDWR, made);
  }

  private Call duplicate(Draw draw, World world) {
    // Of a container this would be a second state of one and the same.
    String kind = draw.of(List.of(GROUP, DEVICE));
    Handle original = world.open(draw, kind);
    if (original == null || world.count(kind) > 2 * MOST_CONTAINERS) {
      return null;
    }
    Handle made = world.handle(kind);
    made.state(original.state());
    made.partner(original.partner());
    return Call.dup(Argument.of(original), made);
  }

  private Call close(Draw draw, World world) {
    Argument fd = world.fd(draw, CONTAINER, GROUP, DEVICE, DEVICE);
    return fd == null ? null : Call.close(fd).learn(() -> left(world, fd.handle()));
  }

  private Call closeDevice(Draw draw, World world) {
    Handle device = world.open(draw, DEVICE);
    return device == null ? null : Call.close(Argument.of(device));
  }

  private Call join(Draw draw, World world) {
    Handle apart = draw.chance(80) ? apart(world) : null;
    Argument group = apart == null ? world.fd(draw, GROUP) : Argument.of(apart);
    Argument container = draw.chance(50) ? space(draw, world) : world.fd(draw, CONTAINER);
    return group == null || container == null
        ? null
        : Call.ioctl("VFIO_GROUP_SET_CONTAINER", VfioGroupUapi.VFIO_GROUP_SET_CONTAINER, group)
            .u32("container", 0, container)
            .learn(() -> group.handle().partner(container.handle()));
  }

  private Call leave(Draw draw, World world) {
    Argument group = world.fd(draw, GROUP);
    return group == null
        ? null
        : Call.ioctl(
                "VFIO_GROUP_UNSET_CONTAINER",
                VfioGroupUapi.VFIO_GROUP_UNSET_CONTAINER,
                group,
                Argument.of(0))
            .learn(() -> left(world, group.handle()));
  }

  private Call status(Draw draw, World world) {
    Argument group = world.fd(draw, GROUP);
    return group == null
        ? null
        : Call.ioctl("VFIO_GROUP_GET_STATUS", VfioGroupUapi.VFIO_GROUP_GET_STATUS, group)
            .u32("argsz", VfioGroupStatus.ARGSZ, draw.mostly(VfioGroupStatus.SIZEOF, 0, 7, -1))
            .u32("flags", VfioGroupStatus.FLAGS, draw.mostly(0, -1));
  }

  private Call setIommu(Draw draw, World world) {
    Handle waiting = draw.chance(80) ? waiting(world) : null;
    Argument fd = waiting == null ? world.fd(draw, CONTAINER) : Argument.of(waiting);
    int chosen = draw.mostly(type, 0, 1, 2, 3, 4, 8, 9, 77);
    return fd == null
        ? null
        : Call.ioctl("VFIO_SET_IOMMU", VfioGroupUapi.VFIO_SET_IOMMU, fd, Argument.of(chosen))
            .learn(() -> fd.handle().partner(fd.handle()));
  }

  private Call extension(Draw draw, World world) {
    Argument fd = world.fd(draw, CONTAINER);
    return fd == null
        ? null
        : Call.ioctl(
            "VFIO_CHECK_EXTENSION",
            VfioGroupUapi.VFIO_CHECK_EXTENSION,
            fd,
            Argument.of(draw.of(0, 1, 2, 3, 4, 5, 7, 8, 9, 11, -1)));
  }

  private Call openDevice(Draw draw, World world) {
    Handle group = world.open(draw, GROUP);
    if (group == null || world.count(DEVICE) > MOST_CONTAINERS) {
      return null;
    }
    int other = draw.below(places.size());
    String name = places.get(draw.chance(90) ? group.state() : other).device();
    Call call =
        Call.ioctl(
            "VFIO_GROUP_GET_DEVICE_FD", VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD, Argument.of(group));
    byte[] letters = name.getBytes(StandardCharsets.US_ASCII);
    for (int i = 0; i < letters.length; i++) {
      call.u8("name", i, letters[i]);
    }
    return call.u8("name", letters.length, 0).makesFd(world.handle(DEVICE));
  }

  private Call info(Draw draw, World world) {
    Argument fd = space(draw, world);
    return fd == null
        ? null
        : Call.ioctl("VFIO_IOMMU_GET_INFO", VfioGroupUapi.VFIO_IOMMU_GET_INFO, fd)
            .u32("argsz", VfioIommuType1Info.ARGSZ, draw.of(0, 15, 16, 20, 24, 40, INFO_BYTES))
            .area(0, INFO_BYTES);
  }

  private Call map(Draw draw, World world) {
    Argument fd = space(draw, world);
    if (fd == null) {
      return null;
    }
    Handle space = fd.handle();
    long size = Iovas.length(draw);
    Argument iova = Iovas.any(draw, space);
    int usual = draw.of(READ, READ | WRITE, READ | WRITE, WRITE);
    return Call.ioctl("VFIO_IOMMU_MAP_DMA", VfioGroupUapi.VFIO_IOMMU_MAP_DMA, fd)
        .u32("argsz", VfioIommuType1DmaMap.ARGSZ, draw.mostly(VfioIommuType1DmaMap.SIZEOF, 0, 31))
        .u32("flags", VfioIommuType1DmaMap.FLAGS, draw.mostly(usual, 0, 8, -1))
        .u64("vaddr", VfioIommuType1DmaMap.VADDR, Iovas.memory(draw, world, size))
        .u64("iova", VfioIommuType1DmaMap.IOVA, iova)
        .u64("size", VfioIommuType1DmaMap.SIZE, size)
        .learn(() -> mapped(space, iova, size));
  }

  private static void mapped(Handle space, Argument iova, long size) {
    if (space != null) {
      space.mapped(iova, size);
    }
  }

  private static Call unmapCall(Argument fd, int flags, Argument iova, long size) {
    return Call.ioctl("VFIO_IOMMU_UNMAP_DMA", VfioGroupUapi.VFIO_IOMMU_UNMAP_DMA, fd)
        .u32("flags", VfioIommuType1DmaUnmap.FLAGS, flags)
        .u64("iova", VfioIommuType1DmaUnmap.IOVA, iova)
        .u64("size", VfioIommuType1DmaUnmap.SIZE, size);
  }

  private Call unmap(Draw draw, World world) {
    Argument fd = space(draw, world);
    if (fd == null) {
      return null;
    }
    Handle space = fd.handle();
    Handle.Range range = Iovas.range(draw, space);
    boolean all = draw.chance(3);
    boolean plain = !all || draw.chance(20);
    int flags = all ? VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_ALL : draw.mostly(0, 8, 3, -1);
    int argsz = draw.mostly(VfioIommuType1DmaUnmap.SIZEOF, 0, 23, Lane.ARENA);
    Call call =
        unmapCall(fd, flags, plain ? range.iova() : Argument.of(0), plain ? range.length() : 0)
            .u32("argsz", VfioIommuType1DmaUnmap.ARGSZ, argsz);
    return call.learn(() -> unmapped(space, range, all));
  }

  private static void unmapped(Handle space, Handle.Range range, boolean all) {
    if (space != null && all) {
      space.ranges().clear();
    } else if (space != null) {
      space.ranges().remove(range);
    }
  }

  private Call startOrStop(Draw draw, World world) {
    Argument fd = space(draw, world);
    return fd == null ? null : startOrStop(draw, fd);
  }

  private static Call startOrStop(Draw draw, Argument fd) {
    int start = VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES_FLAG_START;
    int stop = VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP;
    Handle container = fd.handle();
    int state = container == null ? TO_STOP : container.state();
    int flag = state == TO_STOP ? stop : start;
    return dirtyPages(fd, draw.mostly(flag, start | stop, 8))
        .u32(
            "argsz",
            VfioIommuType1DirtyBitmap.ARGSZ,
            draw.mostly(VfioIommuType1DirtyBitmap.SIZEOF, 0, 7))
        .learn(
            () -> {
              if (container != null && container.kind().equals(CONTAINER)) {
                container.state(state == TO_STOP ? TO_START : TO_ASK);
              }
            });
  }

  /** Whether a bitmap may be asked for, which it is then. */
  private static boolean asks(Argument fd) {
    boolean may = fd.handle() != null && fd.handle().state() == TO_ASK;
    if (may) {
      fd.handle().state(TO_STOP);
    }
    return may;
  }

  private static Call dirtyPages(Argument fd, int flags) {
    return Call.ioctl("VFIO_IOMMU_DIRTY_PAGES", VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES, fd)
        .u32("flags", VfioIommuType1DirtyBitmap.FLAGS, flags);
  }

  /** A bitmap in the argument block, with bits in it that are there before. */
  private static Call bitmapAt(Draw draw, Call call, int at, long size) {
    long pages = size / PAGE;
    long fits = Math.min(BITMAP_BYTES, Math.max(8, (pages + 63) / 64 * 8));
    call.u64("pgsize", at + VfioBitmap.PGSIZE, draw.mostly(PAGE, 1, 2 * PAGE, 2 << 20))
        .u64("size", at + VfioBitmap.SIZE, draw.mostly(fits, 0, 7, 1L << 29, BITMAP_BYTES));
    if (draw.chance(3)) {
      call.u64("data", at + VfioBitmap.DATA, draw.of(0L, PAGE, -1L));
    } else {
      call.pointer("data", at + VfioBitmap.DATA, BITMAP);
    }
    for (int word = 0; word < draw.below(4); word++) {
      call.u64("bits", BITMAP + word * Long.BYTES, draw.bits());
    }
    return call.area(BITMAP, BITMAP_BYTES);
  }

  /** A range that a bitmap of the argument block can hold, around what is mapped. */
  private static Handle.Range bitmapRange(Draw draw, Handle space) {
    Handle.Range range = Iovas.range(draw, space);
    long before = draw.of(0L, 0L, 1L, 3L, 70L) * PAGE;
    long after = draw.of(0L, 0L, 2L, 64L) * PAGE;
    boolean small = range.length() > 0 && range.length() < BITMAP_BYTES * 4L * PAGE;
    return small
        ? new Handle.Range(range.iova().plus(-before), before + range.length() + after, null)
        : range;
  }

  private Call bitmap(Draw draw, World world) {
    Argument fd = space(draw, world);
    if (fd == null) {
      return null;
    }
    if (!asks(fd)) {
      return startOrStop(draw, fd);
    }
    Handle.Range range = bitmapRange(draw, fd.handle());
    int get = VfioIommuType1DirtyBitmap.SIZEOF;
    int whole = get + VfioIommuType1DirtyBitmapGet.SIZEOF;
    Call call =
        dirtyPages(fd, VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP)
            .u32("argsz", VfioIommuType1DirtyBitmap.ARGSZ, draw.mostly(whole, 8, whole - 1, 4096))
            .u64("iova", get + VfioIommuType1DirtyBitmapGet.IOVA, range.iova())
            .u64("size", get + VfioIommuType1DirtyBitmapGet.SIZE, range.length());
    return bitmapAt(draw, call, get + VfioIommuType1DirtyBitmapGet.BITMAP, range.length());
  }

  private Call unmapWithBitmap(Draw draw, World world) {
    Argument fd = space(draw, world);
    if (fd == null) {
      return null;
    }
    if (!asks(fd)) {
      return startOrStop(draw, fd);
    }
    Handle space = fd.handle();
    Handle.Range range = bitmapRange(draw, space);
    int flag = VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
    int bitmap = VfioIommuType1DmaUnmap.SIZEOF;
    int whole = bitmap + VfioBitmap.SIZEOF;
    Call call =
        unmapCall(fd, draw.mostly(flag, flag | 2), range.iova(), range.length())
            .u32("argsz", VfioIommuType1DmaUnmap.ARGSZ, draw.mostly(whole, bitmap, whole - 1));
    return bitmapAt(draw, call, bitmap, range.length()).learn(() -> unmapped(space, range, false));
  }

  private Call unknown(Draw draw, World world) {
    Argument fd = world.fd(draw, CONTAINER, GROUP);
    return fd == null
        ? null
        : Call.ioctl("an unknown call", draw.of(0x3B73, 0x3B74, 0x3B7f, 0x5401), fd)
            .u64("argument", 0, draw.bits());
  }
}
