// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.Units;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.uapi.VfioDeviceFeature;
import org.vfio4j.device.uapi.VfioDeviceFeatureDmaBuf;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.device.uapi.VfioRegionDmaRange;
import org.vfio4j.linux.FileObject;
import org.vfio4j.linux.Linux;

/**
 * Memory of a device as a dma-buf: a file that other drivers of the kernel take, to show a picture,
 * or to let another device reach a BAR.
 *
 * <p>It keeps the device's file open until it is closed.
 */
public final class DmaBuf extends FileObject {
  DmaBuf(VfioDevice device, int fd, String name) {
    super(device.kernel(), fd, name, device.lifetime());
  }

  /** Of {@link Region#exportDmaBuf}. */
  static DmaBuf export(Region region, List<RegionInfo.Area> ranges) {
    VfioDevice device = region.device();
    String operation = "VFIO_DEVICE_FEATURE (to get " + DeviceFeature.DMA_BUF + ")";
    String object = "of " + ranges + " of " + region;
    VfioDeviceFeature get =
        new VfioDeviceFeature(
            VfioDeviceFeatureDmaBuf.SIZEOF + ranges.size() * VfioRegionDmaRange.SIZEOF);
    int data = VfioDeviceFeature.DATA;
    get.putInt(data + VfioDeviceFeatureDmaBuf.REGION_INDEX, region.info().index());
    get.putInt(data + VfioDeviceFeatureDmaBuf.OPEN_FLAGS, Linux.O_RDWR | Linux.O_CLOEXEC);
    get.putInt(data + VfioDeviceFeatureDmaBuf.NR_RANGES, ranges.size());
    int at = data + VfioDeviceFeatureDmaBuf.DMA_RANGES;
    for (RegionInfo.Area range : ranges) {
      get.putLong(at + VfioRegionDmaRange.OFFSET, range.offset());
      get.putLong(at + VfioRegionDmaRange.LENGTH, range.size());
      at += VfioRegionDmaRange.SIZEOF;
    }
    device.lifetime().enter();
    try {
      int fd =
          DeviceFeatures.call(
              device, DeviceFeature.DMA_BUF, VfioDeviceUapi.VFIO_DEVICE_FEATURE_GET, get);
      if (fd >= 0) {
        return new DmaBuf(device, fd, "dma-buf " + object);
      }
      throw switch (Errno.ofResult(fd)) {
        case EINVAL, EOVERFLOW ->
            DeviceErrors.call(operation, object, fd)
                .fact(
                    "ranges are whole pages inside the region, which has "
                        + Units.bytes(region.size()))
                .build();
        case ENODEV ->
            VfioException.failed(Reason.NOT_SUPPORTED, operation)
                .on(object)
                .result(fd)
                .fact("the region is no BAR")
                .build();
        case EOPNOTSUPP ->
            DeviceErrors.call(operation, object, fd)
                .fact("the kernel was built without PCI peer-to-peer DMA, or the BAR cannot do it")
                .hint("it needs CONFIG_PCI_P2PDMA and CONFIG_VFIO_PCI_DMABUF")
                .build();
        default -> DeviceErrors.feature(device, DeviceFeature.DMA_BUF, "to get", fd);
      };
    } finally {
      device.lifetime().leave();
    }
  }
}
