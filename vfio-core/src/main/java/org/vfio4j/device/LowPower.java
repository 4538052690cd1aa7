// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.uapi.VfioDeviceFeature;
import org.vfio4j.device.uapi.VfioDeviceLowPowerEntryWithWakeup;
import org.vfio4j.linux.EventFd;

/**
 * Lets the host put a device to sleep while the program does not use it.
 *
 * <p>Entering is a permission: the host's power management suspends the device when nobody is in a
 * call on it. A call wakes it, and afterwards it sleeps again, but with {@link #enter(EventFd)},
 * where the first waking ends the matter and is told. Until {@link #exit()} every access to a
 * mapped region fails with {@link Reason#DEVICE_FAULT}, also on hosts that do not suspend it.
 *
 * <p>Thread safe. Linux 6.1, CONFIG_PM. Source: {@code drivers/vfio/pci/vfio_pci_core.c}.
 */
public final class LowPower {
  private final VfioDevice device;

  LowPower(VfioDevice device) {
    this.device = device;
  }

  /**
   * Lets the device sleep.
   *
   * @throws VfioException ({@link Reason#WRONG_STATE}: EINVAL when it may sleep already, {@link
   *     Reason#NOT_SUPPORTED}: ENOTTY)
   */
  public void enter() {
    enter(DeviceFeature.LOW_POWER_ENTRY, new VfioDeviceFeature(0));
  }

  /**
   * Lets the device sleep until something wakes it, which raises {@code wakeup}; it is as after
   * {@link #exit()} then.
   *
   * @throws VfioException ({@link Reason#WRONG_STATE}: EINVAL when it may sleep already, {@link
   *     Reason#NOT_SUPPORTED}: ENOTTY)
   */
  public void enter(EventFd wakeup) {
    wakeup.lifetime().enter();
    try {
      VfioDeviceFeature set = new VfioDeviceFeature(VfioDeviceLowPowerEntryWithWakeup.SIZEOF);
      set.putInt(
          VfioDeviceFeature.DATA + VfioDeviceLowPowerEntryWithWakeup.WAKEUP_EVENTFD, wakeup.fd());
      enter(DeviceFeature.LOW_POWER_ENTRY_WITH_WAKEUP, set);
    } finally {
      wakeup.lifetime().leave();
    }
  }

  private void enter(DeviceFeature feature, VfioDeviceFeature set) {
    try {
      DeviceFeatures.set(device, feature, set);
    } catch (VfioException e) {
      if (e.errno().filter(Errno.EINVAL::equals).isEmpty()) {
        throw e;
      }
      throw VfioException.failed(Reason.WRONG_STATE, e.operation())
          .on(e.object())
          .errno(Errno.EINVAL)
          .fact("the device may sleep already")
          .hint("exit() first, to change how it wakes")
          .build();
    }
  }

  /** Wakes the device, and keeps it awake. Does nothing when it is. */
  public void exit() {
    DeviceFeatures.set(device, DeviceFeature.LOW_POWER_EXIT, new VfioDeviceFeature(0));
  }

  @Override
  public String toString() {
    return "low power of " + device;
  }
}
