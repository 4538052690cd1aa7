// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.List;
import org.vfio4j.iommufd.uapi.IommuFaultAlloc;
import org.vfio4j.iommufd.uapi.IommuHwInfo;
import org.vfio4j.iommufd.uapi.IommuHwptAlloc;
import org.vfio4j.iommufd.uapi.IommuHwptGetDirtyBitmap;
import org.vfio4j.iommufd.uapi.IommuHwptInvalidate;
import org.vfio4j.iommufd.uapi.IommuHwptPageResponse;
import org.vfio4j.iommufd.uapi.IommuHwptPgfault;
import org.vfio4j.iommufd.uapi.IommuHwptSetDirtyTracking;
import org.vfio4j.iommufd.uapi.IommufdUapi;

/**
 * Page tables that a program makes, what they tell, and queues of page faults.
 *
 * <p>Buffers never end outside of the argument block: what is behind it belongs to somebody else.
 */
public final class HwptCalls {
  private static final String FAULTS = "faults";
  private static final String FAULT_FILE = "faultfile";

  private static final int NEST_PARENT = IommufdUapi.IOMMU_HWPT_ALLOC_NEST_PARENT;
  private static final int DIRTY_TRACKING = IommufdUapi.IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
  private static final int WITH_FAULTS = IommufdUapi.IOMMU_HWPT_FAULT_ID_VALID;

  /** What the self-test's IOMMU takes for the table of a guest, and for its invalidation. */
  static final int MOCK_DATA = 0xdead;

  private static final int MOCK_INVALIDATION = 0xdeadbeef;

  private static final int ARRAY = IommufdCalls.ARRAY;
  private static final int BITMAP = 512;
  private static final int ENTRY = 8;
  private static final int MOST_ENTRIES = 3;
  private static final int MOST_QUEUES = 2;
  private static final int MOST_FAULTS = 3;

  private HwptCalls() {}

  /** All of them. */
  public static List<CallKind> kinds() {
    return List.of(
        CallKind.of(0, 8, IommufdCalls.DEVICE, HwptCalls::allocate),
        CallKind.of(0, 4, IommufdCalls.HWPT, HwptCalls::track),
        CallKind.of(0, 8, IommufdCalls.HWPT, HwptCalls::bitmap),
        CallKind.of(0, 5, IommufdCalls.HWPT, HwptCalls::invalidate),
        CallKind.of(0, 2, IommufdCalls.DEVICE, HwptCalls::information),
        new CallKind(world -> queues(world), HwptCalls::queue),
        CallKind.of(0, 4, FAULT_FILE, HwptCalls::readFaults),
        CallKind.of(0, 4, FAULT_FILE, HwptCalls::answer),
        CallKind.of(0, 1, FAULT_FILE, HwptCalls::closeQueue),
        CallKind.of(0, 1, FAULTS, HwptCalls::destroyQueue));
  }

  private static int queues(World world) {
    boolean few = world.count(FAULTS) < MOST_QUEUES;
    return few && world.has(IommufdCalls.DEVICE) ? 2 : 0;
  }

  private static Call allocate(Draw draw, World world) {
    Argument fd = world.fd(draw, IommufdCalls.IOMMUFD);
    if (fd == null) {
      return null;
    }
    Handle parent = world.find(IommufdCalls.HWPT, hwpt -> (hwpt.state() & NEST_PARENT) != 0);
    boolean nested = parent != null && draw.chance(40);
    Argument device = world.id(draw, fd.handle(), IommufdCalls.DEVICE);
    boolean fromIoas = draw.chance(94);
    Argument from =
        nested
            ? Argument.of(parent)
            : world.id(draw, fd.handle(), fromIoas ? IommufdCalls.IOAS : IommufdCalls.HWPT);
    int usual = nested ? draw.of(0, WITH_FAULTS) : draw.of(0, NEST_PARENT, DIRTY_TRACKING, 3);
    int flags = draw.mostly(usual, WITH_FAULTS, WITH_FAULTS | 1, 8, 16, -1);
    boolean data = draw.chance(nested ? 95 : 5);
    Handle made = world.handle(IommufdCalls.HWPT).ownedBy(fd.handle());
    made.partner(nested ? parent.partner() : from.handle());
    made.state(nested ? 0 : flags);
    Call call = Call.ioctl("IOMMU_HWPT_ALLOC", IommufdUapi.IOMMU_HWPT_ALLOC, fd);
    IommufdCalls.sized(draw, call, IommuHwptAlloc.SIZEOF)
        .u32("flags", IommuHwptAlloc.FLAGS, flags)
        .u32("dev_id", IommuHwptAlloc.DEV_ID, device)
        .u32("pt_id", IommuHwptAlloc.PT_ID, from)
        .u32("__reserved", IommuHwptAlloc.RESERVED, draw.mostly(0, 1))
        .u32("data_type", IommuHwptAlloc.DATA_TYPE, data ? draw.mostly(MOCK_DATA, 1, 2) : 0)
        .u32("data_len", IommuHwptAlloc.DATA_LEN, data ? draw.mostly(4, 0, 3, 8, ENTRY) : 0)
        .u32("fault_id", IommuHwptAlloc.FAULT_ID, queue(draw, world, fd.handle()))
        .u32("__reserved2", IommuHwptAlloc.RESERVED2, draw.mostly(0, 1))
        .makesId(made, IommuHwptAlloc.OUT_HWPT_ID);
    if (draw.chance(3)) {
      return call.u64("data_uptr", IommuHwptAlloc.DATA_UPTR, draw.of(0L, Iovas.PAGE));
    }
    return call.pointer("data_uptr", IommuHwptAlloc.DATA_UPTR, ARRAY)
        .u32("iotlb", ARRAY, 1 + draw.below(2))
        .u32("beyond", ARRAY + 4, draw.mostly(0, 1));
  }

  private static Argument queue(Draw draw, World world, Handle owner) {
    return draw.chance(90) ? world.id(draw, owner, FAULTS) : Argument.of(0);
  }

  /** An id of a page table, seldom of something else. */
  static Argument table(Draw draw, World world, Handle owner) {
    return world.id(draw, owner, draw.chance(96) ? IommufdCalls.HWPT : IommufdCalls.IOAS);
  }

  private static Call track(Draw draw, World world) {
    Argument fd = world.fd(draw, IommufdCalls.IOMMUFD);
    if (fd == null) {
      return null;
    }
    int request = IommufdUapi.IOMMU_HWPT_SET_DIRTY_TRACKING;
    Call call = Call.ioctl("IOMMU_HWPT_SET_DIRTY_TRACKING", request, fd);
    return IommufdCalls.sized(draw, call, IommuHwptSetDirtyTracking.SIZEOF)
        .u32("flags", IommuHwptSetDirtyTracking.FLAGS, draw.mostly(draw.of(0, 1, 1), 2, -1))
        .u32("hwpt_id", IommuHwptSetDirtyTracking.HWPT_ID, tracked(draw, world, fd.handle()))
        .u32("__reserved", IommuHwptSetDirtyTracking.RESERVED, draw.mostly(0, 1));
  }

  /** Mostly one that was made for it. */
  static Argument tracked(Draw draw, World world, Handle owner) {
    Handle fit =
        world.find(
            IommufdCalls.HWPT,
            hwpt -> hwpt.owner() == owner && (hwpt.state() & DIRTY_TRACKING) != 0);
    return fit != null && draw.chance(70) ? Argument.of(fit) : table(draw, world, owner);
  }

  private static Call bitmap(Draw draw, World world) {
    Argument fd = world.fd(draw, IommufdCalls.IOMMUFD);
    if (fd == null) {
      return null;
    }
    Argument hwpt = tracked(draw, world, fd.handle());
    Handle space = hwpt.handle() == null ? null : hwpt.handle().partner();
    Handle.Range range = Iovas.range(draw, space);
    int request = IommufdUapi.IOMMU_HWPT_GET_DIRTY_BITMAP;
    Call call = Call.ioctl("IOMMU_HWPT_GET_DIRTY_BITMAP", request, fd);
    IommufdCalls.sized(draw, call, IommuHwptGetDirtyBitmap.SIZEOF)
        .u32("hwpt_id", IommuHwptGetDirtyBitmap.HWPT_ID, hwpt)
        .u32("flags", IommuHwptGetDirtyBitmap.FLAGS, draw.mostly(draw.of(0, 1), 2, -1))
        .u32("__reserved", IommuHwptGetDirtyBitmap.RESERVED, draw.mostly(0, 1))
        .u64("iova", IommuHwptGetDirtyBitmap.IOVA, range.iova())
        .u64("length", IommuHwptGetDirtyBitmap.LENGTH, range.length())
        .u64("page_size", IommuHwptGetDirtyBitmap.PAGE_SIZE, pageSize(draw));
    if (draw.chance(3)) {
      return call.u64("data", IommuHwptGetDirtyBitmap.DATA, draw.of(0L, Iovas.PAGE));
    }
    call.pointer("data", IommuHwptGetDirtyBitmap.DATA, ARRAY).area(ARRAY, BITMAP);
    return call.u64("bits", ARRAY, draw.mostly(0L, -1L, 0x5555L));
  }

  private static long pageSize(Draw draw) {
    return draw.mostly(draw.of(Iovas.PAGE / 2, Iovas.PAGE), 0L, Iovas.PAGE / 4, 1L << 21);
  }

  private static Call invalidate(Draw draw, World world) {
    Argument fd = world.fd(draw, IommufdCalls.IOMMUFD);
    if (fd == null) {
      return null;
    }
    int count = draw.below(MOST_ENTRIES + 1);
    int length = draw.mostly(ENTRY, 0, 4, 12);
    Call call = Call.ioctl("IOMMU_HWPT_INVALIDATE", IommufdUapi.IOMMU_HWPT_INVALIDATE, fd);
    IommufdCalls.sized(draw, call, IommuHwptInvalidate.SIZEOF)
        .u32("hwpt_id", IommuHwptInvalidate.HWPT_ID, table(draw, world, fd.handle()))
        .u32("data_type", IommuHwptInvalidate.DATA_TYPE, draw.mostly(MOCK_INVALIDATION, 0, 1))
        .u32("entry_len", IommuHwptInvalidate.ENTRY_LEN, length)
        .u32("entry_num", IommuHwptInvalidate.ENTRY_NUM, count)
        .u32("__reserved", IommuHwptInvalidate.RESERVED, draw.mostly(0, 1));
    if (draw.chance(3)) {
      return call.u64("data_uptr", IommuHwptInvalidate.DATA_UPTR, draw.of(0L, Iovas.PAGE));
    }
    call.pointer("data_uptr", IommuHwptInvalidate.DATA_UPTR, ARRAY);
    for (int i = 0; i < count; i++) {
      call.u32("entry.flags", ARRAY + i * ENTRY, draw.mostly(draw.of(0, 0, 1), 2))
          .u32("entry.id", ARRAY + i * ENTRY + 4, draw.mostly(draw.below(4), 4, -1));
    }
    return call;
  }

  private static Call information(Draw draw, World world) {
    Argument fd = world.fd(draw, IommufdCalls.IOMMUFD);
    if (fd == null) {
      return null;
    }
    Argument device = world.id(draw, fd.handle(), IommufdCalls.DEVICE);
    Call call = Call.ioctl("IOMMU_GET_HW_INFO", IommufdUapi.IOMMU_GET_HW_INFO, fd);
    IommufdCalls.sized(draw, call, IommuHwInfo.SIZEOF)
        .u32("flags", IommuHwInfo.FLAGS, draw.mostly(0, 1, -1))
        .u32("dev_id", IommuHwInfo.DEV_ID, device)
        .u32("data_len", IommuHwInfo.DATA_LEN, draw.of(0, 4, ENTRY, 16, 32))
        .u32("__reserved", IommuHwInfo.RESERVED - 1, draw.mostly(0, 1, 0x100))
        .area(IommuHwInfo.OUT_DATA_TYPE, IommuHwInfo.SIZEOF - IommuHwInfo.OUT_DATA_TYPE);
    if (draw.chance(3)) {
      return call.u64("data_uptr", IommuHwInfo.DATA_UPTR, draw.of(0L, Iovas.PAGE));
    }
    call.pointer("data_uptr", IommuHwInfo.DATA_UPTR, ARRAY);
    return call.u64("data", ARRAY, draw.mostly(0L, -1L))
        .u64("data", ARRAY + ENTRY, -1L)
        .area(ARRAY, 32);
  }

  private static Call queue(Draw draw, World world) {
    Argument fd = world.fd(draw, IommufdCalls.IOMMUFD);
    if (fd == null) {
      return null;
    }
    Handle id = world.handle(FAULTS).ownedBy(fd.handle());
    Handle file = world.handle(FAULT_FILE);
    Call call = Call.ioctl("IOMMU_FAULT_QUEUE_ALLOC", IommufdUapi.IOMMU_FAULT_QUEUE_ALLOC, fd);
    return IommufdCalls.sized(draw, call, IommuFaultAlloc.SIZEOF)
        .u32("flags", IommuFaultAlloc.FLAGS, draw.mostly(0, 1, -1))
        .makesId(id, IommuFaultAlloc.OUT_FAULT_ID)
        .makesFd(file, IommuFaultAlloc.OUT_FAULT_FD);
  }

  private static Call readFaults(Draw draw, World world) {
    Argument fd = world.fd(draw, FAULT_FILE);
    int length = IommuHwptPgfault.SIZEOF * draw.of(0, 1, 1, MOST_FAULTS);
    return fd == null ? null : Call.read(fd, draw.mostly(length, 1, IommuHwptPgfault.SIZEOF - 1));
  }

  private static Call answer(Draw draw, World world) {
    Argument fd = world.fd(draw, FAULT_FILE);
    if (fd == null) {
      return null;
    }
    int count = draw.of(0, 1, 1, 1, 2);
    int length = count * IommuHwptPageResponse.SIZEOF;
    Call call = Call.write(fd, draw.mostly(length, length + 4));
    for (int i = 0; i < count; i++) {
      int at = i * IommuHwptPageResponse.SIZEOF;
      call.u32("cookie", at + IommuHwptPageResponse.COOKIE, draw.of(1, 1, 2, 2, 3, 0))
          .u32("code", at + IommuHwptPageResponse.CODE, draw.mostly(draw.below(2), 2, -1));
    }
    return call;
  }

  private static Call closeQueue(Draw draw, World world) {
    Argument fd = world.fd(draw, FAULT_FILE);
    return fd == null ? null : Call.close(fd);
  }

  private static Call destroyQueue(Draw draw, World world) {
    Argument fd = world.fd(draw, IommufdCalls.IOMMUFD);
    return fd == null ? null : IommufdCalls.destroy(draw, fd, world.id(draw, fd.handle(), FAULTS));
  }
}
