// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.List;
import org.vfio4j.device.uapi.VfioDeviceInfo;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.device.uapi.VfioIrqInfo;
import org.vfio4j.device.uapi.VfioIrqSet;
import org.vfio4j.device.uapi.VfioRegionInfo;
import org.vfio4j.linux.Linux;

/**
 * What an open device answers, from its group or from its node, bound or not: edu of the lab under
 * vfio-pci.
 *
 * <p>Of the configuration space neither the addresses of the BARs nor the number of the interrupt
 * line are read: the guest's firmware and kernel choose them. What a device keeps when it is closed
 * is left as it was: bytes behind the capabilities, and the registers of edu.
 */
public final class DeviceCalls {
  private static final String EVENTFD = "eventfd";

  /** Registers that are mapped, which keep the file of the device open. */
  static final String MAPPING = "mapping";

  private static final int OFFSET_SHIFT = 40;
  private static final int AREA = 96;
  private static final int MOST_EVENTFDS = 3;
  private static final int MOST_MAPPINGS = 2;
  private static final long PAGE = 4096;
  private static final int BAR_SIZE = 1 << 20;

  /** Behind the capability of MSI, the first one of edu: a header, an address of 64 bits, data. */
  private static final int MSI_END = 0x4e;

  private static final int CONFIG = VfioDeviceUapi.VFIO_PCI_CONFIG_REGION_INDEX;

  /**
   * Identity, command, status, class; subsystem, capability pointer; interrupt pin; capabilities.
   */
  private static final int[] CONFIG_OFFSETS = {
    0, 2, 4, 5, 6, 8, 9, 0xc, 0xe, 0x28, 0x2c, 0x2e, 0x34, 0x38, 0x3d, 0x3e, 0x40, 0x42, 0x44, 0x48,
    0x4c, 0x50, 0x60, 0xfc
  };

  /** Those of them that vfio-pci restores, or has only a copy of. */
  private static final int[] CONFIG_WRITES = {
    0, 2, 4, 5, 6, 8, 9, 0xc, 0xe, 0x28, 0x2c, 0x2e, 0x34, 0x3d, 0x3e, 0x40, 0x42, 0x44, 0x48, 0x4c
  };

  private final String kind;

  /**
   * @param kind of the descriptor's handle
   */
  public DeviceCalls(String kind) {
    this.kind = kind;
  }

  /** All of them. */
  public List<CallKind> kinds() {
    return List.of(
        new CallKind(
            world -> world.has(kind) && world.count(EVENTFD) < MOST_EVENTFDS ? 2 : 0,
            (draw, world) -> Call.eventfd(0, Linux.EFD_NONBLOCK, world.handle(EVENTFD))),
        CallKind.of(0, 1, EVENTFD, DeviceCalls::closeEventFd),
        CallKind.of(0, 2, EVENTFD, DeviceCalls::readEventFd),
        CallKind.of(0, 2, kind, this::info),
        CallKind.of(0, 4, kind, this::region),
        CallKind.of(0, 3, kind, this::irq),
        CallKind.of(0, 8, kind, this::setIrqs),
        CallKind.of(0, 8, kind, this::readConfig),
        CallKind.of(0, 5, kind, this::writeConfig),
        CallKind.of(0, 4, kind, this::readRegister),
        CallKind.of(0, 2, kind, this::writeRegister),
        new CallKind(
            world -> world.has(kind) && world.count(MAPPING) < MOST_MAPPINGS ? 2 : 0, this::mmap),
        CallKind.of(0, 1, MAPPING, DeviceCalls::munmap),
        CallKind.of(0, 1, kind, this::nowhere));
  }

  private static Call closeEventFd(Draw draw, World world) {
    Argument fd = world.fd(draw, EVENTFD);
    return fd == null ? null : Call.close(fd);
  }

  private static Call readEventFd(Draw draw, World world) {
    Argument fd = world.fd(draw, EVENTFD);
    return fd == null ? null : Call.read(fd, Long.BYTES);
  }

  private Call info(Draw draw, World world) {
    Argument fd = world.fd(draw, kind);
    if (fd == null) {
      return null;
    }
    Call call = Call.ioctl("VFIO_DEVICE_GET_INFO", VfioDeviceUapi.VFIO_DEVICE_GET_INFO, fd);
    return call.u32("argsz", 0, draw.of(VfioDeviceInfo.SIZEOF, 16, 20, 15, 0, AREA, -1))
        .u64("rest", VfioDeviceInfo.CAP_OFFSET, draw.mostly(0L, -1L))
        .area(0, AREA);
  }

  private Call region(Draw draw, World world) {
    Argument fd = world.fd(draw, kind);
    if (fd == null) {
      return null;
    }
    int request = VfioDeviceUapi.VFIO_DEVICE_GET_REGION_INFO;
    return Call.ioctl("VFIO_DEVICE_GET_REGION_INFO", request, fd)
        .u32("argsz", 0, draw.of(VfioRegionInfo.SIZEOF, AREA, AREA, 31, 0, -1))
        .u32("flags", VfioRegionInfo.FLAGS, draw.mostly(0, -1))
        .u32("index", VfioRegionInfo.INDEX, draw.mostly(draw.below(9), 9, 10, -1))
        .u32("cap_offset", VfioRegionInfo.CAP_OFFSET, draw.mostly(0, -1))
        .area(0, AREA);
  }

  private Call irq(Draw draw, World world) {
    Argument fd = world.fd(draw, kind);
    if (fd == null) {
      return null;
    }
    Call call = Call.ioctl("VFIO_DEVICE_GET_IRQ_INFO", VfioDeviceUapi.VFIO_DEVICE_GET_IRQ_INFO, fd);
    return GroupCalls.argsz(draw, call, VfioIrqInfo.SIZEOF)
        .u32("flags", VfioIrqInfo.FLAGS, draw.mostly(0, -1))
        .u32("index", VfioIrqInfo.INDEX, draw.mostly(draw.below(5), 5, -1))
        .area(0, AREA);
  }

  private Call setIrqs(Draw draw, World world) {
    Argument fd = world.fd(draw, kind);
    if (fd == null) {
      return null;
    }
    int data = draw.mostly(1 << draw.below(3), 0, 3, 7);
    int action = draw.mostly(8 << draw.of(0, 1, 2, 2, 2), 0, 0x30, 0x38);
    int count = draw.mostly(draw.of(1, 1, 1, 0, 2), 33, -1);
    int width = data == VfioDeviceUapi.VFIO_IRQ_SET_DATA_BOOL ? 1 : Integer.BYTES;
    int used = count > 0 && data != 1 ? Math.min(count, 2) * width : 0;
    Call call = Call.ioctl("VFIO_DEVICE_SET_IRQS", VfioDeviceUapi.VFIO_DEVICE_SET_IRQS, fd);
    GroupCalls.argsz(draw, call, VfioIrqSet.SIZEOF + used)
        .u32("flags", VfioIrqSet.FLAGS, draw.mostly(data | action, 0x40 | data | action))
        .u32("index", VfioIrqSet.INDEX, draw.mostly(draw.of(0, 0, 1, 1, 2, 3, 4), 5, -1))
        .u32("start", VfioIrqSet.START, draw.mostly(0, 1, -1))
        .u32("count", VfioIrqSet.COUNT, count);
    for (int i = 0; i < 2; i++) {
      if (width == 1) {
        call.u8("bool", VfioIrqSet.DATA + i, draw.below(3));
      } else {
        call.u32("fd", VfioIrqSet.DATA + i * Integer.BYTES, event(draw, world));
      }
    }
    return call;
  }

  private static Argument event(Draw draw, World world) {
    Argument fd = draw.chance(8) ? world.anyFd(draw) : world.fd(draw, EVENTFD);
    return fd == null || draw.chance(10) ? Argument.of(draw.of(-1L, -1L, -2L)) : fd;
  }

  private Call readConfig(Draw draw, World world) {
    Argument fd = world.fd(draw, kind);
    int at = draw.of(CONFIG_OFFSETS);
    int length = length(draw, at);
    return fd == null ? null : Call.pread(fd, length, place(draw, CONFIG, at));
  }

  /** Neither the BARs nor the interrupt line may be in it, nor what is behind a capability. */
  private static int length(Draw draw, int at) {
    int length = draw.of(1, 2, 4);
    boolean bars = at < 0x10 && at + length > 0x10;
    boolean behind = at < MSI_END && at + length > MSI_END;
    return at % length == 0 && !bars && !behind ? length : 1;
  }

  private static long place(Draw draw, int index, int at) {
    long place = ((long) index << OFFSET_SHIFT) + at;
    return draw.mostly(place, (9L << OFFSET_SHIFT) + at, (8L << OFFSET_SHIFT) + at);
  }

  private Call writeConfig(Draw draw, World world) {
    Argument fd = world.fd(draw, kind);
    if (fd == null) {
      return null;
    }
    boolean command = draw.chance(60);
    int at = command ? 4 : draw.of(CONFIG_WRITES);
    int length = command ? 2 : length(draw, at);
    int value = command ? draw.of(0, 1, 2, 3, 4, 6, 7, 0x400, 0x406) : (int) draw.bits();
    return Call.pwrite(fd, length, place(draw, CONFIG, at)).u32("value", 0, value);
  }

  /** The identification and the check register of edu, which holds 0, and what is not there. */
  private Call readRegister(Draw draw, World world) {
    Argument fd = world.fd(draw, kind);
    if (fd == null) {
      return null;
    }
    int at = draw.of(0, 4, 4, 0x0c, BAR_SIZE - 4, BAR_SIZE, BAR_SIZE + 4);
    return Call.pread(fd, 4, place(draw, draw.mostly(0, 1, 6, 8), at));
  }

  /** What edu inverts to the 0 that it holds at first. */
  private Call writeRegister(Draw draw, World world) {
    Argument fd = world.fd(draw, kind);
    if (fd == null) {
      return null;
    }
    return Call.pwrite(fd, 4, place(draw, draw.mostly(0, 1, 6, 8), 4)).u32("value", 0, -1);
  }

  private Call mmap(Draw draw, World world) {
    Argument fd = world.fd(draw, kind);
    if (fd == null) {
      return null;
    }
    long start = draw.mostly(0L, PAGE, BAR_SIZE - PAGE, (long) BAR_SIZE);
    long offset = ((long) draw.mostly(0, 1, 6, 7, 8, 9) << OFFSET_SHIFT) + start;
    long length = draw.of(PAGE, PAGE, BAR_SIZE - PAGE, BAR_SIZE, BAR_SIZE + PAGE);
    Handle mapping = world.handle(MAPPING);
    mapping.partner(fd.handle());
    return Call.mmap(fd, offset, length, mapping);
  }

  private static Call munmap(Draw draw, World world) {
    Handle mapping = world.open(draw, MAPPING);
    return mapping == null ? null : Call.munmap(mapping);
  }

  private Call nowhere(Draw draw, World world) {
    Argument fd = world.fd(draw, kind);
    if (fd == null) {
      return null;
    }
    int request = VfioDeviceUapi.VFIO_DEVICE_GET_INFO + draw.below(4);
    String name = "0x" + Integer.toHexString(request);
    return Call.ioctl(name, request, fd, Argument.of(draw.of(0L, PAGE, -PAGE)));
  }
}
