// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.util.concurrent.atomic.AtomicLong;
import org.vfio4j.Errno;
import org.vfio4j.cdev.uapi.VfioCdevUapi;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.memory.NativeBlock;

/**
 * What VFIO_GROUP_GET_DEVICE_FD gave. The device answers for itself; only what is different for a
 * device that came from a group does not get through.
 */
final class BridgedDeviceFile extends BridgedFile {
  private final BridgedDevice device;
  private final AtomicLong calls;
  private final AtomicLong passed;

  BridgedDeviceFile(CompatBridge bridge, VfioMode mode, BridgedDevice device) {
    super(bridge);
    this.device = device;
    this.calls = bridge.tally().counter(mode, LegacyCall.DEVICE_CALL, null);
    this.passed = bridge.tally().counter(mode, LegacyCall.DEVICE_CALL, DeviceCall.THE_SAME);
  }

  BridgedDevice device() {
    return device;
  }

  @Override
  int ioctl(int fd, int request, NativeBlock argument) throws BridgeRefusal {
    if (isOurs(request)) {
      return super.ioctl(fd, request, argument);
    }
    count();
    return bridge().below().ioctl(fd, request, argument);
  }

  private void count() {
    calls.incrementAndGet();
    passed.incrementAndGet();
  }

  @Override
  int ioctl(int fd, int request, UserArgument argument) throws BridgeRefusal {
    switch (request) {
      // "Not from the group path", says drivers/vfio/device_cdev.c.
      case VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD -> throw BridgeRefusal.of(Errno.EINVAL);
      case VfioDeviceUapi.VFIO_DEVICE_GET_PCI_HOT_RESET_INFO ->
          new BridgedHotReset(bridge(), device.group().mode(), fd).info(argument);
      case VfioDeviceUapi.VFIO_DEVICE_PCI_HOT_RESET ->
          new BridgedHotReset(bridge(), device.group().mode(), fd).reset(argument);
      // Left to the drivers, of which none knows them.
      case VfioCdevUapi.VFIO_DEVICE_ATTACH_IOMMUFD_PT, VfioCdevUapi.VFIO_DEVICE_DETACH_IOMMUFD_PT ->
          throw BridgeRefusal.of(Errno.ENOTTY);
      default -> {
        count();
        return bridge().below().ioctl(fd, request, argument.number());
      }
    }
    return 0;
  }

  private static boolean isOurs(int request) {
    return request == VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD
        || request == VfioCdevUapi.VFIO_DEVICE_ATTACH_IOMMUFD_PT
        || request == VfioCdevUapi.VFIO_DEVICE_DETACH_IOMMUFD_PT
        || request == VfioDeviceUapi.VFIO_DEVICE_GET_PCI_HOT_RESET_INFO
        || request == VfioDeviceUapi.VFIO_DEVICE_PCI_HOT_RESET;
  }

  @Override
  String path() {
    return null;
  }

  @Override
  void released() {
    device.group().fileClosed(device);
  }
}
