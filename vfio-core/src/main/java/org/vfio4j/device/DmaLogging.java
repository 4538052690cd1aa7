// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import java.lang.ref.Reference;
import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.uapi.VfioDeviceFeature;
import org.vfio4j.device.uapi.VfioDeviceFeatureDmaLoggingControl;
import org.vfio4j.device.uapi.VfioDeviceFeatureDmaLoggingRange;
import org.vfio4j.device.uapi.VfioDeviceFeatureDmaLoggingReport;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.dma.DirtyBitmap;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.KernelObject;
import org.vfio4j.linux.Lifetime;
import org.vfio4j.memory.NativeBlock;

/**
 * The device itself notes where it writes: dirty tracking of devices that can, where the IOMMU
 * cannot.
 *
 * <p>Closing ends it. Until then it keeps the device open. Thread safe. Linux 6.1. Source: {@code
 * drivers/vfio/vfio_main.c}, and the driver of the device.
 */
public final class DmaLogging extends KernelObject {
  /** As many as fit into a page of the kernel. */
  public static final int MAX_RANGES = 256;

  private static final ThreadLocal<VfioDeviceFeature> REPORT =
      ThreadLocal.withInitial(
          () -> new VfioDeviceFeature(VfioDeviceFeatureDmaLoggingReport.SIZEOF));

  private final VfioDevice device;
  private final long pageSize;

  private DmaLogging(VfioDevice device, long pageSize, Lifetime lifetime) {
    super(lifetime);
    this.device = device;
    this.pageSize = pageSize;
  }

  /** Of {@link VfioDevice#startDmaLogging}. */
  static DmaLogging start(VfioDevice device, long pageSize, List<IovaRange> ranges) {
    String name = "DMA logging of " + device.lifetime().name();
    NativeBlock array =
        new NativeBlock(Math.max(1, ranges.size()) * VfioDeviceFeatureDmaLoggingRange.SIZEOF);
    for (int i = 0; i < ranges.size(); i++) {
      int at = i * VfioDeviceFeatureDmaLoggingRange.SIZEOF;
      IovaRange range = ranges.get(i);
      array.putLong(at + VfioDeviceFeatureDmaLoggingRange.IOVA, range.start());
      array.putLong(at + VfioDeviceFeatureDmaLoggingRange.LENGTH, range.last() - range.start() + 1);
    }
    VfioDeviceFeature set = new VfioDeviceFeature(VfioDeviceFeatureDmaLoggingControl.SIZEOF);
    int data = VfioDeviceFeature.DATA;
    set.putLong(data + VfioDeviceFeatureDmaLoggingControl.PAGE_SIZE, pageSize);
    set.putInt(data + VfioDeviceFeatureDmaLoggingControl.NUM_RANGES, ranges.size());
    set.putLong(data + VfioDeviceFeatureDmaLoggingControl.RANGES, array.address());
    Release release = new Release(device, name);
    Lifetime lifetime = new Lifetime(name, release, device.lifetime());
    int result;
    try {
      result =
          DeviceFeatures.call(
              device, DeviceFeature.DMA_LOGGING_START, VfioDeviceUapi.VFIO_DEVICE_FEATURE_SET, set);
    } catch (RuntimeException e) {
      lifetime.close();
      throw e;
    } finally {
      Reference.reachabilityFence(array);
    }
    if (result < 0) {
      lifetime.close();
      throw startRefused(device, pageSize, ranges, result);
    }
    release.started = true;
    long used = set.getLong(data + VfioDeviceFeatureDmaLoggingControl.PAGE_SIZE);
    return new DmaLogging(device, used, lifetime);
  }

  /** Ends it; must not refer to the DmaLogging. */
  private static final class Release implements Runnable {
    private final Kernel kernel;
    private final int fd;
    private final String name;
    private volatile boolean started;

    Release(VfioDevice device, String name) {
      this.kernel = device.kernel();
      this.fd = device.fdForChildren();
      this.name = name;
    }

    @Override
    public void run() {
      if (started) {
        VfioDeviceFeature set =
            new VfioDeviceFeature(0)
                .flags(
                    VfioDeviceUapi.VFIO_DEVICE_FEATURE_SET
                        | VfioDeviceUapi.VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP);
        int result = kernel.ioctl(fd, VfioDeviceUapi.VFIO_DEVICE_FEATURE, set);
        if (result < 0) {
          throw DeviceErrors.failed("VFIO_DEVICE_FEATURE", "to end " + name, result);
        }
      }
    }
  }

  /** What the device notes, in bytes: what was asked for, or what the driver made of it. */
  public long pageSize() {
    return pageSize;
  }

  /**
   * Reports the pages that the device has written since the last report, and forgets them. Bits of
   * {@code bitmap} that were set before stay. Allocates nothing.
   *
   * @param bitmap of a range inside those that are logged, with any page size from 4096 on
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT}: EINVAL, EOVERFLOW or EFAULT)
   */
  public void report(DirtyBitmap bitmap) {
    lifetime().enter();
    try {
      VfioDeviceFeature get = REPORT.get();
      int data = VfioDeviceFeature.DATA;
      get.putLong(data + VfioDeviceFeatureDmaLoggingReport.IOVA, bitmap.iova());
      get.putLong(data + VfioDeviceFeatureDmaLoggingReport.LENGTH, bitmap.length());
      get.putLong(data + VfioDeviceFeatureDmaLoggingReport.PAGE_SIZE, bitmap.pageSize());
      get.putLong(data + VfioDeviceFeatureDmaLoggingReport.BITMAP, bitmap.words().address());
      DeviceFeatures.get(device, DeviceFeature.DMA_LOGGING_REPORT, get);
    } finally {
      lifetime().leave();
      Reference.reachabilityFence(bitmap);
    }
  }

  private static VfioException startRefused(
      VfioDevice device, long pageSize, List<IovaRange> ranges, long result) {
    Errno errno = Errno.ofResult(result);
    VfioException plain =
        DeviceErrors.feature(device, DeviceFeature.DMA_LOGGING_START, "to set", result);
    String fact =
        switch (errno) {
          case EINVAL ->
              "ranges are at least one, do not overlap, and are whole pages of "
                  + pageSize
                  + " bytes: "
                  + ranges;
          case E2BIG -> "there are " + ranges.size() + " ranges, and at most " + MAX_RANGES;
          case EOVERFLOW -> "a range ends beyond the last address: " + ranges;
          case EBUSY -> "the device logs already";
          default -> "";
        };
    if (fact.isEmpty()) {
      return plain;
    }
    return VfioException.failed(plain.reason(), plain.operation())
        .on(plain.object())
        .errno(errno)
        .fact(fact)
        .build();
  }
}
