// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_FEATURE_DMA_LOGGING_START;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_FEATURE_GET;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_FEATURE_MASK;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_FEATURE_MIGRATION;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_FEATURE_MIG_DATA_SIZE;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_FEATURE_PROBE;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_FEATURE_SET;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_MIGRATION_PRE_COPY;

import java.util.ArrayList;
import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.device.uapi.VfioDeviceFeature;
import org.vfio4j.device.uapi.VfioDeviceFeatureDmaLoggingControl;
import org.vfio4j.device.uapi.VfioDeviceFeatureDmaLoggingRange;
import org.vfio4j.device.uapi.VfioDeviceFeatureDmaLoggingReport;
import org.vfio4j.device.uapi.VfioDeviceFeatureMigDataSize;
import org.vfio4j.device.uapi.VfioDeviceFeatureMigState;
import org.vfio4j.device.uapi.VfioDeviceFeatureMigration;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.testkit.device.DmaLogger;
import org.vfio4j.testkit.device.Migratable;
import org.vfio4j.testkit.machine.KernelVersion;

/**
 * VFIO_DEVICE_FEATURE: what VFIO itself serves for all drivers; the rest goes to the driver.
 *
 * <p>Source: {@code drivers/vfio/vfio_main.c}, where the checks are in the same order.
 */
final class DeviceFeatures {
  private static final int DATA = VfioDeviceFeature.DATA;
  private static final int FLAGS =
      VFIO_DEVICE_FEATURE_MASK
          | VFIO_DEVICE_FEATURE_GET
          | VFIO_DEVICE_FEATURE_SET
          | VFIO_DEVICE_FEATURE_PROBE;
  private static final int GET_OR_SET = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET;
  private static final int MOST_RANGES = UserMemory.PAGE / VfioDeviceFeatureDmaLoggingRange.SIZEOF;

  private final Core core;
  private final DeviceMigration migration;
  private final DmaLogger logger;

  /** With what the model of the device offers. */
  DeviceFeatures(Core core, Object model) {
    this.core = core;
    KernelVersion version = core.version();
    this.migration =
        model instanceof Migratable migratable && version.isAtLeast(5, 18)
            ? new DeviceMigration(migratable)
            : null;
    this.logger = model instanceof DmaLogger found && version.isAtLeast(6, 1) ? found : null;
  }

  /** The device was reset. */
  void reset() {
    if (migration != null) {
      migration.reset();
    }
  }

  /** Nobody has the device open any more. */
  void close() {
    if (migration != null) {
      migration.closed();
    }
    if (logger != null) {
      logger.stopLogging();
    }
  }

  int call(VfioOps driver, UserPointer feature) {
    int argsz = feature.argsz(VfioDeviceFeature.SIZEOF);
    int flags = feature.getInt(VfioDeviceFeature.FLAGS);
    boolean both = (flags & GET_OR_SET) == GET_OR_SET;
    boolean wrong = (flags & ~FLAGS) != 0 || (both && (flags & VFIO_DEVICE_FEATURE_PROBE) == 0);
    KernelError.refuseIf(wrong, Errno.EINVAL);
    int room = argsz - VfioDeviceFeature.SIZEOF;
    switch (flags & VFIO_DEVICE_FEATURE_MASK) {
      case VFIO_DEVICE_FEATURE_MIGRATION -> migration(feature, flags, room);
      case VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE -> state(feature, flags, room);
      case VFIO_DEVICE_FEATURE_MIG_DATA_SIZE -> dataSize(feature, flags, room);
      case VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2 -> preCopyInfo(flags, room);
      case VFIO_DEVICE_FEATURE_DMA_LOGGING_START -> startLogging(feature, flags, room);
      case VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP -> stopLogging(flags, room);
      case VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT -> report(feature, flags, room);
      default -> {
        return driver.feature(feature, flags, room);
      }
    }
    return 0;
  }

  /**
   * vfio_check_feature().
   *
   * @param operations that the feature has: GET, SET or both
   * @return false when that was all that was asked
   */
  static boolean check(int flags, int room, int operations, int size) {
    KernelError.refuseIf((flags & GET_OR_SET & ~operations) != 0, Errno.EINVAL);
    if ((flags & VFIO_DEVICE_FEATURE_PROBE) != 0) {
      return false;
    }
    boolean wrong = (flags & GET_OR_SET) == 0 || Integer.compareUnsigned(room, size) < 0;
    KernelError.refuseIf(wrong, Errno.EINVAL);
    return true;
  }

  private void migration(UserPointer feature, int flags, int room) {
    KernelError.refuseIf(migration == null, Errno.ENOTTY);
    if (check(flags, room, VFIO_DEVICE_FEATURE_GET, VfioDeviceFeatureMigration.SIZEOF)) {
      feature.putLong(DATA + VfioDeviceFeatureMigration.FLAGS, migration.flags());
    }
  }

  private void state(UserPointer feature, int flags, int room) {
    KernelError.refuseIf(migration == null, Errno.ENOTTY);
    if (!check(flags, room, GET_OR_SET, VfioDeviceFeatureMigState.SIZEOF)) {
      return;
    }
    int target = feature.getInt(DATA + VfioDeviceFeatureMigState.DEVICE_STATE);
    feature.getInt(DATA + VfioDeviceFeatureMigState.DATA_FD);
    if ((flags & VFIO_DEVICE_FEATURE_GET) != 0) {
      feature.putInt(DATA + VfioDeviceFeatureMigState.DEVICE_STATE, migration.state());
      feature.putInt(DATA + VfioDeviceFeatureMigState.DATA_FD, -1);
      return;
    }
    OpenFile stream;
    try {
      stream = migration.set(target);
    } catch (KernelError e) {
      feature.putInt(DATA + VfioDeviceFeatureMigState.DATA_FD, -1);
      throw e;
    }
    if (stream == null) {
      feature.putInt(DATA + VfioDeviceFeatureMigState.DATA_FD, -1);
    } else {
      core.files().add(stream, fd -> feature.putInt(DATA + VfioDeviceFeatureMigState.DATA_FD, fd));
    }
  }

  private void dataSize(UserPointer feature, int flags, int room) {
    KernelError.refuseIf(migration == null || !core.version().isAtLeast(6, 2), Errno.ENOTTY);
    if (check(flags, room, VFIO_DEVICE_FEATURE_GET, VfioDeviceFeatureMigDataSize.SIZEOF)) {
      feature.putLong(
          DATA + VfioDeviceFeatureMigDataSize.STOP_COPY_LENGTH, migration.stopCopyLength());
    }
  }

  private void preCopyInfo(int flags, int room) {
    KernelError.refuseIf(migration == null || !core.version().isAtLeast(7, 1), Errno.ENOTTY);
    KernelError.refuseIf((migration.flags() & VFIO_MIGRATION_PRE_COPY) == 0, Errno.EINVAL);
    if (check(flags, room, VFIO_DEVICE_FEATURE_SET, 0)) {
      migration.tellOfNewInitialData();
    }
  }

  /** One of length 0 ends before it starts; in the tree of the kernel it is none, but overlaps. */
  private record Range(long start, long last) {}

  private void startLogging(UserPointer feature, int flags, int room) {
    KernelError.refuseIf(logger == null, Errno.ENOTTY);
    if (!check(flags, room, VFIO_DEVICE_FEATURE_SET, VfioDeviceFeatureDmaLoggingControl.SIZEOF)) {
      return;
    }
    feature.get(DATA, VfioDeviceFeatureDmaLoggingControl.SIZEOF);
    long pageSize = feature.getLong(DATA + VfioDeviceFeatureDmaLoggingControl.PAGE_SIZE);
    int count = feature.getInt(DATA + VfioDeviceFeatureDmaLoggingControl.NUM_RANGES);
    KernelError.refuseIf(count == 0, Errno.EINVAL);
    KernelError.refuseIf(Integer.compareUnsigned(count, MOST_RANGES) > 0, Errno.E2BIG);
    UserPointer array =
        feature.at(feature.getLong(DATA + VfioDeviceFeatureDmaLoggingControl.RANGES));
    List<Range> ranges = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int at = i * VfioDeviceFeatureDmaLoggingRange.SIZEOF;
      long iova = array.getLong(at + VfioDeviceFeatureDmaLoggingRange.IOVA);
      long length = array.getLong(at + VfioDeviceFeatureDmaLoggingRange.LENGTH);
      // IS_ALIGNED() of the kernel, which takes the size for a power of two.
      boolean aligned = ((iova | length) & (pageSize - 1)) == 0;
      KernelError.refuseIf(!aligned, Errno.EINVAL);
      long end = iova + length;
      KernelError.refuseIf(Long.compareUnsigned(end, iova) < 0, Errno.EOVERFLOW);
      long last = end - 1;
      boolean overlaps =
          ranges.stream().anyMatch(other -> Ioas.overlaps(iova, last, other.start(), other.last()));
      KernelError.refuseIf(overlaps, Errno.EINVAL);
      ranges.add(new Range(iova, last));
    }
    long used =
        logger.startLogging(
            pageSize,
            ranges.stream()
                .filter(range -> Long.compareUnsigned(range.start(), range.last()) <= 0)
                .map(range -> new IovaRange(range.start(), range.last()))
                .toList());
    refuse(used);
    KernelError.orUndo(
        () -> feature.putLong(DATA + VfioDeviceFeatureDmaLoggingControl.PAGE_SIZE, used),
        logger::stopLogging);
  }

  private void stopLogging(int flags, int room) {
    KernelError.refuseIf(logger == null, Errno.ENOTTY);
    if (check(flags, room, VFIO_DEVICE_FEATURE_SET, 0)) {
      refuse(logger.stopLogging());
    }
  }

  private void report(UserPointer feature, int flags, int room) {
    KernelError.refuseIf(logger == null, Errno.ENOTTY);
    if (!check(flags, room, VFIO_DEVICE_FEATURE_GET, VfioDeviceFeatureDmaLoggingReport.SIZEOF)) {
      return;
    }
    feature.get(DATA, VfioDeviceFeatureDmaLoggingReport.SIZEOF);
    long iova = feature.getLong(DATA + VfioDeviceFeatureDmaLoggingReport.IOVA);
    long length = feature.getLong(DATA + VfioDeviceFeatureDmaLoggingReport.LENGTH);
    long pageSize = feature.getLong(DATA + VfioDeviceFeatureDmaLoggingReport.PAGE_SIZE);
    boolean wrong =
        Long.compareUnsigned(pageSize, UserMemory.PAGE) < 0 || Long.bitCount(pageSize) != 1;
    KernelError.refuseIf(wrong, Errno.EINVAL);
    KernelError.refuseIf(Long.compareUnsigned(iova + length, iova) < 0, Errno.EOVERFLOW);
    long address = feature.getLong(DATA + VfioDeviceFeatureDmaLoggingReport.BITMAP);
    UserBitmap bitmap = new UserBitmap(feature, address, iova, pageSize);
    int result = logger.reportWrites(iova, length, bitmap::set);
    bitmap.flush();
    refuse(result);
  }

  private static void refuse(long result) {
    // A page size is positive, or the greatest power of two.
    if (result < 0 && result > -4096) {
      throw KernelError.of(Errno.ofResult(result));
    }
  }
}
