// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.device.DeviceFeature;
import org.vfio4j.device.DmaLogging;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.uapi.VfioDeviceFeature;
import org.vfio4j.device.uapi.VfioDeviceFeatureDmaLoggingControl;
import org.vfio4j.device.uapi.VfioDeviceFeatureDmaLoggingRange;
import org.vfio4j.device.uapi.VfioDeviceFeatureDmaLoggingReport;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.dma.DirtyBitmap;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.memory.NativeBlock;

/**
 * Devices that note where they write. {@code mtty} does no DMA, but its driver takes the calls, and
 * the kernel checks them before.
 */
class DmaLoggingTest {
  private static final int DATA = VfioDeviceFeature.DATA;
  private static final int PAGE = 4096;

  /** As many ranges as the kernel takes. */
  private static final int MOST = 256;

  @Test
  @Tag("lab")
  void ranges() {
    try (Mtty mtty = new Mtty(1)) {
      VfioDevice device = mtty.device();
      assertThat(start(device, PAGE, 0, 0x1000)).isNull();
      assertThat(start(device, PAGE, 0, 0x1000, 0x1000, 0x1000, 0x10_0000, 0x2000)).isNull();
      assertThat(start(device, PAGE)).as("none").isEqualTo(Errno.EINVAL);
      assertThat(start(device, PAGE, 0x800, 0x1000)).isEqualTo(Errno.EINVAL);
      assertThat(start(device, PAGE, 0x1000, 0x800)).isEqualTo(Errno.EINVAL);
      assertThat(start(device, 2 * PAGE, 0x1000, 0x2000)).isEqualTo(Errno.EINVAL);
      assertThat(start(device, PAGE, 0x1000, 0x2000, 0x2000, 0x1000))
          .as("overlapping")
          .isEqualTo(Errno.EINVAL);
      assertThat(start(device, PAGE, -PAGE, 2 * PAGE)).isEqualTo(Errno.EOVERFLOW);
      // To the very last byte wraps, too.
      assertThat(start(device, PAGE, -PAGE, PAGE)).isEqualTo(Errno.EOVERFLOW);
      assertThat(start(device, PAGE, -2 * PAGE, PAGE)).isNull();
      assertThat(start(device, PAGE, 0x1000, 0)).as("nothing").isNull();
      assertThat(start(device, PAGE, 0x1000, 0, 0x1000, 0x1000)).isNull();
      assertThat(start(device, PAGE, 0x1000, 0, 0, 0x2000)).as("around it").isEqualTo(Errno.EINVAL);
      assertThat(RawFeature.set(device, DeviceFeature.DMA_LOGGING_STOP, 0)).isNull();
    }
  }

  @Test
  @Tag("lab")
  void noMoreRangesThanFitIntoAPage() {
    try (Mtty mtty = new Mtty(1)) {
      long[] ranges = new long[2 * (MOST + 1)];
      for (int i = 0; i <= MOST; i++) {
        ranges[2 * i] = 2L * i * PAGE;
        ranges[2 * i + 1] = PAGE;
      }
      assertThat(start(mtty.device(), PAGE, ranges)).isEqualTo(Errno.E2BIG);
      assertThat(start(mtty.device(), PAGE, Arrays.copyOf(ranges, 2 * MOST))).isNull();
    }
  }

  @Test
  @Tag("lab")
  void arraysThatAreNotThere() {
    try (Mtty mtty = new Mtty(1)) {
      VfioDeviceFeature set = new VfioDeviceFeature(VfioDeviceFeatureDmaLoggingControl.SIZEOF);
      set.putLong(DATA + VfioDeviceFeatureDmaLoggingControl.PAGE_SIZE, PAGE);
      set.putInt(DATA + VfioDeviceFeatureDmaLoggingControl.NUM_RANGES, 1);
      set.putLong(DATA + VfioDeviceFeatureDmaLoggingControl.RANGES, 16);
      assertThat(RawFeature.set(mtty.device(), DeviceFeature.DMA_LOGGING_START, set))
          .isEqualTo(Errno.EFAULT);
    }
  }

  @Test
  @Tag("lab")
  void reports() {
    try (Mtty mtty = new Mtty(1)) {
      VfioDevice device = mtty.device();
      NativeBlock bitmap = new NativeBlock(64);
      bitmap.putLong(0, 5);
      assertThat(start(device, PAGE, 0, 0x10_0000)).isNull();
      assertThat(report(device, 0, 0x10_0000, PAGE, bitmap.address())).isNull();
      assertThat(bitmap.getLong(0)).as("nothing was written, and nothing is cleared").isEqualTo(5);
      assertThat(report(device, 0, 0x10_0000, 1 << 20, bitmap.address())).isNull();
      for (long pageSize : new long[] {0, 1, 2048, 4097, 12288}) {
        assertThat(report(device, 0, 0x10_0000, pageSize, bitmap.address()))
            .as("pages of %d", pageSize)
            .isEqualTo(Errno.EINVAL);
      }
      assertThat(report(device, -PAGE, 2 * PAGE, PAGE, bitmap.address()))
          .isEqualTo(Errno.EOVERFLOW);
      // The bitmap is looked at when a bit is to be set.
      assertThat(report(device, 0, PAGE, PAGE, 16)).as("no bitmap").isNull();
    }
  }

  @Test
  @Tag("lab")
  void checks() {
    try (Mtty mtty = new Mtty(1)) {
      VfioDevice device = mtty.device();
      assertThat(RawFeature.get(device, DeviceFeature.DMA_LOGGING_START, 24))
          .isEqualTo(Errno.EINVAL);
      assertThat(RawFeature.set(device, DeviceFeature.DMA_LOGGING_START, 23))
          .isEqualTo(Errno.EINVAL);
      assertThat(RawFeature.get(device, DeviceFeature.DMA_LOGGING_STOP, 0)).isEqualTo(Errno.EINVAL);
      assertThat(RawFeature.set(device, DeviceFeature.DMA_LOGGING_REPORT, 32))
          .isEqualTo(Errno.EINVAL);
      assertThat(RawFeature.get(device, DeviceFeature.DMA_LOGGING_REPORT, 31))
          .isEqualTo(Errno.EINVAL);
    }
  }

  @Test
  @Tag("lab")
  void typed() {
    IovaRange range = new IovaRange(0, 0xf_ffff);
    try (Mtty mtty = new Mtty(1);
        DmaLogging logging = mtty.device().startDmaLogging(PAGE, List.of(range))) {
      assertThat(logging.pageSize()).isEqualTo(PAGE);
      DirtyBitmap bitmap = new DirtyBitmap(0, 0x10_0000, PAGE);
      logging.report(bitmap);
      assertThat(bitmap.countDirty()).isZero();
      VfioException overlap =
          Refusal.of(
              Reason.INVALID_ARGUMENT,
              Errno.EINVAL,
              () -> mtty.device().startDmaLogging(PAGE, List.of(range, range)));
      assertThat(overlap.fact()).contains("do not overlap");
      Refusal.of(
          Reason.INVALID_ARGUMENT,
          Errno.EINVAL,
          () -> mtty.device().startDmaLogging(PAGE, List.of()));
      Refusal.of(
          Reason.INVALID_ARGUMENT,
          Errno.E2BIG,
          () -> mtty.device().startDmaLogging(PAGE, Collections.nCopies(MOST + 1, range)));
      Refusal.of(
          Reason.INVALID_ARGUMENT,
          Errno.EOVERFLOW,
          () -> mtty.device().startDmaLogging(PAGE, List.of(new IovaRange(-PAGE, -1))));
    }
  }

  @EveryMode
  void devicesWithoutIt(VfioMode mode) {
    try (AssignedDevice edu = Lab.openEdu(mode)) {
      assertThat(start(edu.device(), PAGE, 0, 0x1000)).isEqualTo(Errno.ENOTTY);
      VfioException refusal =
          Refusal.of(
              Reason.NOT_SUPPORTED,
              Errno.ENOTTY,
              () -> edu.device().startDmaLogging(PAGE, List.of(new IovaRange(0, PAGE - 1))));
      assertThat(refusal.hint()).contains("Linux 6.1");
      assertThat(RawFeature.set(edu.device(), DeviceFeature.DMA_LOGGING_STOP, 0))
          .isEqualTo(Errno.ENOTTY);
      assertThat(report(edu.device(), 0, PAGE, PAGE, 16)).isEqualTo(Errno.ENOTTY);
    }
  }

  /** {@code ranges}: start and length of each. */
  private static Errno start(VfioDevice device, long pageSize, long... ranges) {
    int count = ranges.length / 2;
    NativeBlock array =
        new NativeBlock(Math.max(1, count) * VfioDeviceFeatureDmaLoggingRange.SIZEOF);
    for (int i = 0; i < ranges.length; i++) {
      array.putLong(i * Long.BYTES, ranges[i]);
    }
    VfioDeviceFeature set = new VfioDeviceFeature(VfioDeviceFeatureDmaLoggingControl.SIZEOF);
    set.putLong(DATA + VfioDeviceFeatureDmaLoggingControl.PAGE_SIZE, pageSize);
    set.putInt(DATA + VfioDeviceFeatureDmaLoggingControl.NUM_RANGES, count);
    set.putLong(DATA + VfioDeviceFeatureDmaLoggingControl.RANGES, array.address());
    Errno errno = RawFeature.set(device, DeviceFeature.DMA_LOGGING_START, set);
    // The array is read before the call returns, and must live until then.
    assertThat(array.capacity()).isPositive();
    return errno;
  }

  private static Errno report(
      VfioDevice device, long iova, long length, long pageSize, long bitmap) {
    VfioDeviceFeature get = new VfioDeviceFeature(VfioDeviceFeatureDmaLoggingReport.SIZEOF);
    get.putLong(DATA + VfioDeviceFeatureDmaLoggingReport.IOVA, iova);
    get.putLong(DATA + VfioDeviceFeatureDmaLoggingReport.LENGTH, length);
    get.putLong(DATA + VfioDeviceFeatureDmaLoggingReport.PAGE_SIZE, pageSize);
    get.putLong(DATA + VfioDeviceFeatureDmaLoggingReport.BITMAP, bitmap);
    return RawFeature.call(
        device,
        VfioDeviceUapi.VFIO_DEVICE_FEATURE_GET | DeviceFeature.DMA_LOGGING_REPORT.number(),
        get);
  }
}
