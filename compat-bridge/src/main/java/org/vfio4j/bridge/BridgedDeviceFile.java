// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

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

  BridgedDeviceFile(CompatBridge bridge, BridgedDevice device) {
    super(bridge);
    this.device = device;
  }

  BridgedDevice device() {
    return device;
  }

  @Override
  int ioctl(int fd, int request, NativeBlock argument) throws BridgeRefusal {
    return isOurs(request)
        ? super.ioctl(fd, request, argument)
        : bridge().below().ioctl(fd, request, argument);
  }

  @Override
  int ioctl(int fd, int request, UserArgument argument) throws BridgeRefusal {
    switch (request) {
      // "Not from the group path", says drivers/vfio/device_cdev.c.
      case VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD -> throw BridgeRefusal.of(Errno.EINVAL);
      case VfioDeviceUapi.VFIO_DEVICE_GET_PCI_HOT_RESET_INFO ->
          new BridgedHotReset(bridge(), fd).info(argument);
      case VfioDeviceUapi.VFIO_DEVICE_PCI_HOT_RESET ->
          new BridgedHotReset(bridge(), fd).reset(argument);
      // Left to the drivers, of which none knows them.
      case VfioCdevUapi.VFIO_DEVICE_ATTACH_IOMMUFD_PT, VfioCdevUapi.VFIO_DEVICE_DETACH_IOMMUFD_PT ->
          throw BridgeRefusal.of(Errno.ENOTTY);
      default -> {
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
    bridge().tally().count(null, LegacyCall.CLOSE_DEVICE);
    device.group().fileClosed(device);
  }
}
