// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.List;
import org.vfio4j.iommufd.uapi.IommuDestroy;
import org.vfio4j.iommufd.uapi.IommuIoasAlloc;
import org.vfio4j.iommufd.uapi.IommuIoasAllowIovas;
import org.vfio4j.iommufd.uapi.IommuIoasCopy;
import org.vfio4j.iommufd.uapi.IommuIoasIovaRanges;
import org.vfio4j.iommufd.uapi.IommuIoasMap;
import org.vfio4j.iommufd.uapi.IommuIoasUnmap;
import org.vfio4j.iommufd.uapi.IommuIovaRange;
import org.vfio4j.iommufd.uapi.IommuOption;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.Linux;

/** /dev/iommu and its IOASes. */
public final class IommufdCalls {
  /** The kinds of handles, for those who add calls on them. */
  public static final String IOMMUFD = "iommufd";

  public static final String IOAS = "ioas";

  /** What else has an id, and is made by others. */
  public static final String HWPT = "hwpt";

  public static final String DEVICE = "devid";

  private static final int IOMMU_VFIO_IOAS = 0x3B88;
  private static final int VFIO_IOAS_SIZE = 12;
  private static final int BEYOND = 64;
  private static final int FIXED = IommufdUapi.IOMMU_IOAS_MAP_FIXED_IOVA;
  private static final int WRITE = IommufdUapi.IOMMU_IOAS_MAP_WRITEABLE;
  private static final int READ = IommufdUapi.IOMMU_IOAS_MAP_READABLE;
  private static final int MOST_FILES = 3;
  private static final int MOST_SPACES = 6;

  private IommufdCalls() {}

  /** An iommufd with two IOASes. */
  public static List<CallKind.Generator> opening() {
    return List.of(IommufdCalls::open, IommufdCalls::allocate, IommufdCalls::allocate);
  }

  /** All of them. */
  public static List<CallKind> kinds() {
    return List.of(
        new CallKind(world -> few(world, IOMMUFD, MOST_FILES, 100, 1), IommufdCalls::open),
        CallKind.of(1, IommufdCalls::close),
        CallKind.of(1, IommufdCalls::duplicate),
        new CallKind(world -> few(world, IOAS, MOST_SPACES, 20, 3), IommufdCalls::allocate),
        CallKind.of(4, IommufdCalls::destroy),
        CallKind.of(8, IommufdCalls::ranges),
        CallKind.of(5, IommufdCalls::allow),
        CallKind.of(40, IommufdCalls::map),
        CallKind.of(14, IommufdCalls::copy),
        CallKind.of(26, IommufdCalls::unmap),
        CallKind.of(6, IommufdCalls::option),
        CallKind.of(3, IommufdCalls::vfioIoas),
        CallKind.of(2, IommufdCalls::unknown),
        CallKind.of(1, IommufdCalls::nowhere));
  }

  /** Some of them, beside those of a container. */
  public static List<CallKind> seldom() {
    return List.of(
        CallKind.of(1, IommufdCalls::duplicate),
        CallKind.of(1, IommufdCalls::allocate),
        CallKind.of(1, IommufdCalls::destroy),
        CallKind.of(2, IommufdCalls::ranges),
        CallKind.of(1, IommufdCalls::allow),
        CallKind.of(4, IommufdCalls::map),
        CallKind.of(3, IommufdCalls::copy),
        CallKind.of(3, IommufdCalls::unmap),
        CallKind.of(2, IommufdCalls::option),
        CallKind.of(6, IommufdCalls::vfioIoas));
  }

  private static int few(World world, String kind, int most, int missing, int there) {
    int count = world.count(kind);
    return count == 0 ? missing : count < most ? there : 0;
  }

  static Call open(Draw draw, World world) {
    return Call.open("/dev/iommu", Linux.O_RDWR, world.handle(IOMMUFD));
  }

  private static Call close(Draw draw, World world) {
    return world.count(IOMMUFD) > 1 || draw.chance(20)
        ? call(draw, world, fd -> close(world, fd))
        : null;
  }

  private static Call close(World world, Argument fd) {
    return Call.close(fd)
        .learn(
            () ->
                world.all().stream()
                    .filter(handle -> handle.owner() == fd.handle())
                    .forEach(Handle::end));
  }

  private static Call duplicate(Draw draw, World world) {
    return world.count(IOMMUFD) >= MOST_FILES
        ? null
        : call(draw, world, fd -> Call.dup(fd, world.handle("dup")));
  }

  /** A call on an iommufd. */
  private interface OnFile {
    Call on(Argument fd);
  }

  private static Call call(Draw draw, World world, OnFile call) {
    Argument fd = world.fd(draw, IOMMUFD);
    return fd == null ? null : call.on(fd);
  }

  /** The size in the first field: mostly the right one. */
  public static Call sized(Draw draw, Call call, int size) {
    int said = draw.mostly(size, 0, size - 4, size - 1, size + 8, size + BEYOND, Lane.ARENA, -1);
    return call.u32("size", 0, said);
  }

  static Call allocate(Draw draw, World world) {
    return call(
        draw,
        world,
        fd -> {
          Handle made = world.handle(IOAS).ownedBy(fd.handle());
          Call call = Call.ioctl("IOMMU_IOAS_ALLOC", IommufdUapi.IOMMU_IOAS_ALLOC, fd);
          return sized(draw, call, IommuIoasAlloc.SIZEOF)
              .u32("flags", IommuIoasAlloc.FLAGS, draw.mostly(0, 1, -1))
              .area(IommuIoasAlloc.OUT_IOAS_ID, Integer.BYTES)
              .makesId(made, IommuIoasAlloc.OUT_IOAS_ID);
        });
  }

  private static Call destroy(Draw draw, World world) {
    return call(
        draw,
        world,
        fd -> {
          String kind = draw.of(List.of(IOAS, IOAS, HWPT, DEVICE));
          return destroy(draw, fd, world.id(draw, fd.handle(), kind));
        });
  }

  static Call destroy(Draw draw, Argument fd, Argument id) {
    Call call = Call.ioctl("IOMMU_DESTROY", IommufdUapi.IOMMU_DESTROY, fd);
    return sized(draw, call, IommuDestroy.SIZEOF)
        .u32("id", IommuDestroy.ID, id)
        .learn(() -> ended(id));
  }

  private static void ended(Argument id) {
    if (id.handle() != null) {
      id.handle().end();
    }
  }

  private static Call ranges(Draw draw, World world) {
    return call(
        draw,
        world,
        fd -> {
          int room = draw.of(0, 1, 2, 3, 8);
          Argument ioas = world.id(draw, fd.handle(), IOAS);
          Call call = Call.ioctl("IOMMU_IOAS_IOVA_RANGES", IommufdUapi.IOMMU_IOAS_IOVA_RANGES, fd);
          sized(draw, call, IommuIoasIovaRanges.SIZEOF)
              .u32("ioas_id", IommuIoasIovaRanges.IOAS_ID, ioas)
              .u32("num_iovas", IommuIoasIovaRanges.NUM_IOVAS, room)
              .u32("__reserved", IommuIoasIovaRanges.RESERVED, draw.mostly(0, 1))
              .area(IommuIoasIovaRanges.OUT_IOVA_ALIGNMENT, Long.BYTES);
          if (draw.chance(4)) {
            return call.u64("allowed_iovas", IommuIoasIovaRanges.ALLOWED_IOVAS, draw.of(0L, PAGE));
          }
          return call.pointer("allowed_iovas", IommuIoasIovaRanges.ALLOWED_IOVAS, ARRAY)
              .area(ARRAY, room * IommuIovaRange.SIZEOF);
        });
  }

  private static final long PAGE = Iovas.PAGE;

  /** Where arrays are in the argument block, behind any struct. */
  public static final int ARRAY = 128;

  private static Call allow(Draw draw, World world) {
    return call(
        draw,
        world,
        fd -> {
          int count = draw.of(0, 0, 1, 2, 3);
          Argument ioas = world.id(draw, fd.handle(), IOAS);
          Call call = Call.ioctl("IOMMU_IOAS_ALLOW_IOVAS", IommufdUapi.IOMMU_IOAS_ALLOW_IOVAS, fd);
          sized(draw, call, IommuIoasAllowIovas.SIZEOF)
              .u32("ioas_id", IommuIoasAllowIovas.IOAS_ID, ioas)
              .u32("num_iovas", IommuIoasAllowIovas.NUM_IOVAS, count)
              .u32("__reserved", IommuIoasAllowIovas.RESERVED, draw.mostly(0, 1));
          if (draw.chance(4)) {
            return call.u64("allowed_iovas", IommuIoasAllowIovas.ALLOWED_IOVAS, draw.of(0L, PAGE));
          }
          call.pointer("allowed_iovas", IommuIoasAllowIovas.ALLOWED_IOVAS, ARRAY);
          for (int i = 0; i < count; i++) {
            int at = ARRAY + i * IommuIovaRange.SIZEOF;
            Argument start = Iovas.any(draw, ioas.handle());
            long length = draw.chance(90) ? (1 + draw.below(64)) * PAGE : draw.of(1L, 2L, -PAGE);
            call.u64("start", at + IommuIovaRange.START, start)
                .u64("last", at + IommuIovaRange.LAST, start.plus(length - 1));
          }
          return call;
        });
  }

  private static int access(Draw draw) {
    int usual = draw.of(READ, READ | WRITE, READ | WRITE, WRITE);
    return draw.mostly(usual, 0, 8, -1, READ | 0x100);
  }

  private static Call map(Draw draw, World world) {
    return call(
        draw,
        world,
        fd -> {
          Argument ioas = world.id(draw, fd.handle(), IOAS);
          Handle space = ioas.handle();
          boolean fixed = draw.chance(55);
          long length = Iovas.length(draw);
          boolean given = fixed || draw.chance(10);
          Argument iova = given ? Iovas.any(draw, space) : Argument.of(0);
          Handle chosen = world.handle("iova");
          Argument memory = Iovas.memory(draw, world, length);
          Call call = Call.ioctl("IOMMU_IOAS_MAP", IommufdUapi.IOMMU_IOAS_MAP, fd);
          return sized(draw, call, IommuIoasMap.SIZEOF)
              .u32("flags", IommuIoasMap.FLAGS, access(draw) | (fixed ? FIXED : 0))
              .u32("ioas_id", IommuIoasMap.IOAS_ID, ioas)
              .u32("__reserved", IommuIoasMap.RESERVED, draw.mostly(0, 1))
              .u64("user_va", IommuIoasMap.USER_VA, memory)
              .u64("length", IommuIoasMap.LENGTH, length)
              .u64("iova", IommuIoasMap.IOVA, iova)
              .makesValue(chosen, IommuIoasMap.IOVA)
              .learn(() -> mapped(space, fixed ? iova : Argument.of(chosen), length, memory));
        });
  }

  private static void mapped(Handle space, Argument iova, long length, Argument memory) {
    if (space != null) {
      space.mapped(iova, length, memory);
    }
  }

  private static Call copy(Draw draw, World world) {
    return call(
        draw,
        world,
        fd -> {
          Argument target = world.id(draw, fd.handle(), IOAS);
          Argument source = draw.chance(25) ? target : world.id(draw, fd.handle(), IOAS);
          Handle.Range range = Iovas.range(draw, source.handle());
          boolean fixed = draw.chance(60);
          Argument iova = fixed ? Iovas.any(draw, target.handle()) : Argument.of(0);
          Handle chosen = world.handle("iova");
          Call call = Call.ioctl("IOMMU_IOAS_COPY", IommufdUapi.IOMMU_IOAS_COPY, fd);
          return sized(draw, call, IommuIoasCopy.SIZEOF)
              .u32("flags", IommuIoasCopy.FLAGS, access(draw) | (fixed ? FIXED : 0))
              .u32("dst_ioas_id", IommuIoasCopy.DST_IOAS_ID, target)
              .u32("src_ioas_id", IommuIoasCopy.SRC_IOAS_ID, source)
              .u64("length", IommuIoasCopy.LENGTH, range.length())
              .u64("dst_iova", IommuIoasCopy.DST_IOVA, iova)
              .u64("src_iova", IommuIoasCopy.SRC_IOVA, range.iova())
              .makesValue(chosen, IommuIoasCopy.DST_IOVA)
              .learn(
                  () ->
                      mapped(
                          target.handle(),
                          fixed ? iova : Argument.of(chosen),
                          range.length(),
                          range.memory()));
        });
  }

  private static Call unmap(Draw draw, World world) {
    return call(
        draw,
        world,
        fd -> {
          Argument ioas = world.id(draw, fd.handle(), IOAS);
          Handle.Range range = Iovas.range(draw, ioas.handle());
          boolean all = draw.chance(2);
          Argument iova = all ? Argument.of(0) : range.iova();
          Call call = Call.ioctl("IOMMU_IOAS_UNMAP", IommufdUapi.IOMMU_IOAS_UNMAP, fd);
          return sized(draw, call, IommuIoasUnmap.SIZEOF)
              .u32("ioas_id", IommuIoasUnmap.IOAS_ID, ioas)
              .u64("iova", IommuIoasUnmap.IOVA, iova)
              .u64("length", IommuIoasUnmap.LENGTH, all ? -1 : range.length())
              .learn(() -> unmapped(ioas.handle(), range));
        });
  }

  private static void unmapped(Handle space, Handle.Range range) {
    if (space != null) {
      space.ranges().remove(range);
    }
  }

  private static Call option(Draw draw, World world) {
    return call(
        draw,
        world,
        fd -> {
          boolean mode = draw.chance(30);
          int none = draw.mostly(0, 1);
          Argument object = mode ? Argument.of(none) : world.id(draw, fd.handle(), IOAS);
          Call call = Call.ioctl("IOMMU_OPTION", IommufdUapi.IOMMU_OPTION, fd);
          return sized(draw, call, IommuOption.SIZEOF)
              .u32("option_id", IommuOption.OPTION_ID, draw.mostly(mode ? 0 : 1, 2, -1))
              .u16("op", IommuOption.OP, draw.mostly(draw.below(2), 2, -1))
              .u16("__reserved", IommuOption.RESERVED, draw.mostly(0, 1))
              .u32("object_id", IommuOption.OBJECT_ID, object)
              .u64("val64", IommuOption.VAL64, draw.mostly((long) draw.below(2), 2L, -1L));
        });
  }

  private static Call vfioIoas(Draw draw, World world) {
    return call(
        draw,
        world,
        fd -> {
          boolean get = draw.chance(60);
          Call call = Call.ioctl("IOMMU_VFIO_IOAS", IOMMU_VFIO_IOAS, fd);
          Argument ioas = world.id(draw, fd.handle(), IOAS);
          sized(draw, call, VFIO_IOAS_SIZE)
              .u32("ioas_id", 4, get ? Argument.of(0) : ioas)
              .u16("op", 8, get ? 0 : draw.mostly(draw.of(1, 1, 1, 2), 3, -1))
              .u16("__reserved", 10, draw.mostly(0, 1));
          return get ? call.makesId(world.handle(IOAS).ownedBy(fd.handle()), 4) : call;
        });
  }

  /** What this kernel does not have, or nobody. */
  private static Call unknown(Draw draw, World world) {
    return call(
        draw,
        world,
        fd -> {
          int request = draw.of(0x3B8f, 0x3B90, 0x3B9f, 0x3BA1, 0x3BFF, 0x3B00, 0x3C80, 0x3B7C);
          Call call = Call.ioctl("0x" + Integer.toHexString(request), request, fd);
          return call.u32("size", 0, draw.of(0, 8, BEYOND)).area(0, BEYOND);
        });
  }

  private static Call nowhere(Draw draw, World world) {
    return call(
        draw,
        world,
        fd -> {
          int request = IommufdUapi.IOMMU_DESTROY + draw.below(9);
          String name = "0x" + Integer.toHexString(request);
          return Call.ioctl(name, request, fd, Argument.of(draw.of(0L, PAGE, -PAGE)));
        });
  }
}
