// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_FEATURE_SET;

import org.vfio4j.Errno;
import org.vfio4j.device.uapi.VfioDeviceFeature;
import org.vfio4j.device.uapi.VfioDeviceLowPowerEntryWithWakeup;

/**
 * Whether a function may sleep. It does as soon as no call is on it, where the kernel has runtime
 * power management.
 *
 * <p>Source: {@code drivers/vfio/pci/vfio_pci_core.c}, {@code vfio_pci_core_pm_entry()}.
 */
final class LowPowerState {
  private final Core core;
  private boolean engaged;
  private EventFdContext wakeup;

  LowPowerState(Core core) {
    this.core = core;
  }

  /** Whether no mapping of it answers. */
  boolean isEngaged() {
    return engaged;
  }

  void enter(int flags, int room) {
    if (DeviceFeatures.check(flags, room, VFIO_DEVICE_FEATURE_SET, 0)) {
      enter(null);
    }
  }

  void enterWithWakeup(UserPointer feature, int flags, int room) {
    int size = VfioDeviceLowPowerEntryWithWakeup.SIZEOF;
    if (!DeviceFeatures.check(flags, room, VFIO_DEVICE_FEATURE_SET, size)) {
      return;
    }
    feature.get(VfioDeviceFeature.DATA, size);
    int fd =
        feature.getInt(VfioDeviceFeature.DATA + VfioDeviceLowPowerEntryWithWakeup.WAKEUP_EVENTFD);
    KernelError.refuseIf(fd < 0, Errno.EINVAL);
    enter(EventFdContext.of(core.files().get(fd)));
  }

  private void enter(EventFdContext eventFd) {
    KernelError.refuseIf(engaged, Errno.EINVAL);
    engaged = true;
    wakeup = eventFd;
  }

  void exit(int flags, int room) {
    if (DeviceFeatures.check(flags, room, VFIO_DEVICE_FEATURE_SET, 0)) {
      exit();
    }
  }

  void exit() {
    engaged = false;
    wakeup = null;
  }

  /** A call on the device begins: it does not sleep then. */
  void wake() {
    if (engaged && wakeup != null && core.machine().hasRuntimePowerManagement()) {
      wakeup.signal();
      exit();
    }
  }
}
