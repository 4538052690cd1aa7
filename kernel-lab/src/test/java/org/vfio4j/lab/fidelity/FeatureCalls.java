// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.List;
import org.vfio4j.device.uapi.VfioDeviceFeature;
import org.vfio4j.device.uapi.VfioDeviceFeatureMigState;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.device.uapi.VfioPciHotResetInfo;
import org.vfio4j.device.uapi.VfioPrecopyInfo;

/**
 * Features of devices, with migration and its streams where the driver has it (mtty); what a hot
 * reset would reach, and a reset.
 */
public final class FeatureCalls {
  private static final String STREAM = "stream";

  private static final int PROBE = VfioDeviceUapi.VFIO_DEVICE_FEATURE_PROBE;
  private static final int GET = VfioDeviceUapi.VFIO_DEVICE_FEATURE_GET;
  private static final int SET = VfioDeviceUapi.VFIO_DEVICE_FEATURE_SET;
  private static final int UNKNOWN_FLAG = 1 << 19;
  private static final int FEATURES = 13;
  private static final int DATA = VfioDeviceFeature.DATA;
  private static final int DATA_AREA = 32;
  private static final int STATES = 8;
  private static final int MOST_STREAMS = 2;
  private static final int STREAM_AREA = 64;
  private static final int AREA = 96;

  private final String kind;

  /**
   * @param kind of the descriptor of a device
   */
  public FeatureCalls(String kind) {
    this.kind = kind;
  }

  /** All of them. */
  public List<CallKind> kinds() {
    return List.of(
        CallKind.of(0, 3, kind, this::any),
        new CallKind(
            world -> world.has(kind) && world.count(STREAM) < MOST_STREAMS ? 3 : 0, this::setState),
        CallKind.of(0, 2, STREAM, FeatureCalls::read),
        CallKind.of(0, 1, STREAM, FeatureCalls::write),
        CallKind.of(0, 1, STREAM, FeatureCalls::preCopy),
        CallKind.of(0, 1, STREAM, FeatureCalls::close),
        CallKind.of(0, 2, kind, this::hotResetInfo),
        CallKind.of(0, 1, kind, this::reset));
  }

  private static Call call(Argument fd, int argsz, int flags) {
    return Call.ioctl("VFIO_DEVICE_FEATURE", VfioDeviceUapi.VFIO_DEVICE_FEATURE, fd)
        .u32("argsz", VfioDeviceFeature.ARGSZ, argsz)
        .u32("flags", VfioDeviceFeature.FLAGS, flags)
        .area(0, DATA + DATA_AREA);
  }

  /** Asks for, gets or sets anything but the state, which may give a descriptor. */
  private Call any(Draw draw, World world) {
    Argument fd = world.fd(draw, kind);
    if (fd == null) {
      return null;
    }
    int feature = draw.mostly(draw.below(FEATURES), FEATURES + 1, 0xffff);
    int way = draw.of(PROBE | GET, PROBE | SET, PROBE, PROBE | GET | SET, GET, SET);
    int flags = draw.mostly(way, 0, GET | SET, UNKNOWN_FLAG | GET);
    boolean state = feature == VfioDeviceUapi.VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE;
    int asked = state && (flags & PROBE) == 0 ? flags & ~SET : flags;
    return call(fd, draw.mostly(DATA + DATA_AREA, 0, 7, DATA, DATA + 4, -1), asked | feature);
  }

  private Call setState(Draw draw, World world) {
    Argument fd = world.fd(draw, kind);
    if (fd == null) {
      return null;
    }
    int size = DATA + VfioDeviceFeatureMigState.SIZEOF;
    int flags = SET | VfioDeviceUapi.VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE;
    Handle stream = world.handle(STREAM);
    int argsz = draw.mostly(size, size - 1, size + 8);
    int state = draw.mostly(draw.below(STATES), STATES, -1);
    return call(fd, argsz, flags)
        .u32("device_state", DATA + VfioDeviceFeatureMigState.DEVICE_STATE, state)
        .u32("data_fd", DATA + VfioDeviceFeatureMigState.DATA_FD, -1)
        .makesFd(stream, DATA + VfioDeviceFeatureMigState.DATA_FD)
        .learn(() -> keep(fd, state == VfioDeviceUapi.VFIO_DEVICE_STATE_RESUMING));
  }

  /**
   * Closed for the last time while it is resuming, a device of mtty forgets its stream but not its
   * state, and Linux 6.12 reads through a null pointer on the way out of it (mtty_load_state()).
   */
  private static void keep(Argument device, boolean isResuming) {
    if (device.handle() != null) {
      device.handle().keep(isResuming);
    }
  }

  private static Call read(Draw draw, World world) {
    Argument fd = world.fd(draw, STREAM);
    return fd == null ? null : Call.read(fd, draw.of(1, 8, STREAM_AREA, 0));
  }

  private static Call write(Draw draw, World world) {
    Argument fd = world.fd(draw, STREAM);
    if (fd == null) {
      return null;
    }
    Call call = Call.write(fd, draw.of(1, 8, STREAM_AREA));
    for (int at = 0; at < STREAM_AREA; at += Long.BYTES) {
      call.u64("data", at, draw.mostly(0L, draw.bits()));
    }
    return call;
  }

  private static Call preCopy(Draw draw, World world) {
    Argument fd = world.fd(draw, STREAM);
    if (fd == null) {
      return null;
    }
    int request = VfioDeviceUapi.VFIO_MIG_GET_PRECOPY_INFO;
    Call call = Call.ioctl("VFIO_MIG_GET_PRECOPY_INFO", request, fd);
    return GroupCalls.argsz(draw, call, VfioPrecopyInfo.SIZEOF).area(0, VfioPrecopyInfo.SIZEOF);
  }

  private static Call close(Draw draw, World world) {
    Argument fd = world.fd(draw, STREAM);
    return fd == null ? null : Call.close(fd);
  }

  private Call hotResetInfo(Draw draw, World world) {
    Argument fd = world.fd(draw, kind);
    if (fd == null) {
      return null;
    }
    int request = VfioDeviceUapi.VFIO_DEVICE_GET_PCI_HOT_RESET_INFO;
    Call call = Call.ioctl("VFIO_DEVICE_GET_PCI_HOT_RESET_INFO", request, fd);
    return call.u32("argsz", 0, draw.of(AREA, AREA, VfioPciHotResetInfo.SIZEOF, 20, 28, 0))
        .u32("flags", VfioPciHotResetInfo.FLAGS, draw.mostly(0, -1))
        .area(0, AREA);
  }

  private Call reset(Draw draw, World world) {
    Argument fd = world.fd(draw, kind);
    int request = VfioDeviceUapi.VFIO_DEVICE_RESET;
    return fd == null
        ? null
        : Call.ioctl("VFIO_DEVICE_RESET", request, fd, Argument.of(0)).learn(() -> keep(fd, false));
  }
}
