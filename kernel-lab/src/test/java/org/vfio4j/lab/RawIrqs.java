// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_SET_IRQS;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_IRQ_SET_ACTION_TRIGGER;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_IRQ_SET_DATA_EVENTFD;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_IRQ_SET_DATA_NONE;

import org.vfio4j.Errno;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.uapi.VfioIrqSet;

/** VFIO_DEVICE_SET_IRQS with descriptors, which the library would keep open. */
final class RawIrqs {
  private RawIrqs() {}

  /** From the first vector on. What comes of it; null for success. */
  static Errno eventFds(VfioDevice device, int index, int action, int... fds) {
    VfioIrqSet set = new VfioIrqSet(fds.length * Integer.BYTES).index(index).count(fds.length);
    for (int i = 0; i < fds.length; i++) {
      set.putInt(VfioIrqSet.DATA + i * Integer.BYTES, fds[i]);
    }
    return call(device, set.flags(action | VFIO_IRQ_SET_DATA_EVENTFD));
  }

  /** By the program, as far as there is one. */
  static Errno trigger(VfioDevice device, int index, int vector) {
    return call(
        device,
        new VfioIrqSet(0)
            .index(index)
            .start(vector)
            .count(1)
            .flags(VFIO_IRQ_SET_ACTION_TRIGGER | VFIO_IRQ_SET_DATA_NONE));
  }

  private static Errno call(VfioDevice device, VfioIrqSet set) {
    int result = Lab.KERNEL.ioctl(device.fd(), VFIO_DEVICE_SET_IRQS, set);
    return result < 0 ? Errno.ofResult(result) : null;
  }
}
