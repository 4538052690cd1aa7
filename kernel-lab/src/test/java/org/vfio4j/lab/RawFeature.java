// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_FEATURE;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_FEATURE_GET;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_FEATURE_PROBE;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_FEATURE_SET;

import org.vfio4j.Errno;
import org.vfio4j.device.DeviceFeature;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.uapi.VfioDeviceFeature;

/** VFIO_DEVICE_FEATURE by its numbers, wrong ones among them. */
final class RawFeature {
  private RawFeature() {}

  /** With {@code room} bytes of zeros behind the header. */
  static Errno call(VfioDevice device, int flags, int room) {
    return call(device, flags, new VfioDeviceFeature(room));
  }

  /** What comes of it; null for success. */
  static Errno call(VfioDevice device, int flags, VfioDeviceFeature block) {
    int result = Lab.KERNEL.ioctl(device.fd(), VFIO_DEVICE_FEATURE, block.flags(flags));
    return result < 0 ? Errno.ofResult(result) : null;
  }

  static Errno get(VfioDevice device, DeviceFeature feature, int room) {
    return call(device, VFIO_DEVICE_FEATURE_GET | feature.number(), room);
  }

  static Errno set(VfioDevice device, DeviceFeature feature, VfioDeviceFeature block) {
    return call(device, VFIO_DEVICE_FEATURE_SET | feature.number(), block);
  }

  static Errno set(VfioDevice device, DeviceFeature feature, int room) {
    return set(device, feature, new VfioDeviceFeature(room));
  }

  static Errno probe(VfioDevice device, DeviceFeature feature, int flags) {
    return call(device, VFIO_DEVICE_FEATURE_PROBE | flags | feature.number(), 0);
  }
}
