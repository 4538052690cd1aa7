// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.device.DeviceFeature;
import org.vfio4j.device.LowPower;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.VfioPci;
import org.vfio4j.device.uapi.VfioDeviceFeature;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.linux.EventFd;

/**
 * What a device may do while it is not used. The lab's kernel has no power management, so that the
 * device never sleeps; the rules of the calls are the same.
 */
class LowPowerTest {
  @EveryMode
  void entryAndExit(VfioMode mode) {
    try (AssignedDevice nvme = AssignedDevice.open(Lab.KERNEL, mode, Lab.NVME);
        EventFd wakeup = EventFd.create(Lab.KERNEL, "wake-up")) {
      LowPower lowPower = nvme.device().lowPower();
      lowPower.exit();
      lowPower.enter();
      VfioException twice = Refusal.of(Reason.WRONG_STATE, Errno.EINVAL, lowPower::enter);
      assertThat(twice.hint()).contains("exit()");
      Refusal.of(Reason.WRONG_STATE, Errno.EINVAL, () -> lowPower.enter(wakeup));
      // A call wakes it.
      assertThat(nvme.device().region(VfioPci.BAR0).getIntLe(8)).isEqualTo(0x00010400);
      assertThat(nvme.device().config().vendorId()).isEqualTo(0x1b36);
      lowPower.exit();
      lowPower.exit();
      lowPower.enter(wakeup);
      Refusal.of(Reason.WRONG_STATE, Errno.EINVAL, () -> lowPower.enter(wakeup));
      lowPower.exit();
      assertThat(wakeup.take()).as("who wakes it by the call knows").isZero();
      lowPower.enter();
    }
    // It ends with the file.
    try (AssignedDevice nvme = AssignedDevice.open(Lab.KERNEL, mode, Lab.NVME)) {
      nvme.device().lowPower().enter();
    }
  }

  @Test
  @Tag("lab")
  void refusals() {
    try (AssignedDevice edu = Lab.openEdu(VfioMode.IOMMUFD)) {
      VfioDevice device = edu.device();
      DeviceFeature withWakeup = DeviceFeature.LOW_POWER_ENTRY_WITH_WAKEUP;
      for (DeviceFeature feature :
          new DeviceFeature[] {
            DeviceFeature.LOW_POWER_ENTRY, withWakeup, DeviceFeature.LOW_POWER_EXIT
          }) {
        assertThat(RawFeature.get(device, feature, 8)).isEqualTo(Errno.EINVAL);
        assertThat(RawFeature.probe(device, feature, VfioDeviceUapi.VFIO_DEVICE_FEATURE_SET))
            .isNull();
      }
      assertThat(RawFeature.set(device, withWakeup, 7)).isEqualTo(Errno.EINVAL);
      assertThat(wakeup(device, -1)).isEqualTo(Errno.EINVAL);
      assertThat(wakeup(device, 1_000_000)).isEqualTo(Errno.EBADF);
      assertThat(wakeup(device, device.fd())).as("no eventfd").isEqualTo(Errno.EINVAL);
      // None of these has changed anything.
      device.lowPower().enter();
    }
    try (Mtty mtty = new Mtty(1)) {
      Refusal.of(Reason.NOT_SUPPORTED, Errno.ENOTTY, mtty.device().lowPower()::enter);
      Refusal.of(Reason.NOT_SUPPORTED, Errno.ENOTTY, mtty.device().lowPower()::exit);
    }
  }

  private static Errno wakeup(VfioDevice device, int fd) {
    VfioDeviceFeature set = new VfioDeviceFeature(8);
    set.putInt(VfioDeviceFeature.DATA, fd);
    return RawFeature.set(device, DeviceFeature.LOW_POWER_ENTRY_WITH_WAKEUP, set);
  }
}
