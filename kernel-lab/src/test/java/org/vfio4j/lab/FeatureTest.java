// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_FEATURE;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_FEATURE_GET;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_FEATURE_PROBE;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_FEATURE_SET;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.cdev.UnboundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.device.DeviceFeature;
import org.vfio4j.device.VfToken;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.uapi.VfioDeviceFeature;

/** VFIO_DEVICE_FEATURE: what is looked at, and in which order. */
class FeatureTest {
  private static final int GET = VFIO_DEVICE_FEATURE_GET;
  private static final int SET = VFIO_DEVICE_FEATURE_SET;
  private static final int PROBE = VFIO_DEVICE_FEATURE_PROBE;
  private static final int MIGRATION = DeviceFeature.MIGRATION.number();
  private static final int UNKNOWN = 0x7777;

  @Test
  @Tag("lab")
  void checks() {
    try (Mtty mtty = new Mtty(1)) {
      VfioDevice device = mtty.device();
      VfioDeviceFeature tooSmall = new VfioDeviceFeature(8).argsz(7);
      assertThat(RawFeature.call(device, GET | MIGRATION, tooSmall)).isEqualTo(Errno.EINVAL);
      // What is wrong with the call itself comes before what the device has.
      assertThat(RawFeature.call(device, 1 << 19 | GET | UNKNOWN, 8)).isEqualTo(Errno.EINVAL);
      assertThat(RawFeature.call(device, GET | SET | UNKNOWN, 8)).isEqualTo(Errno.EINVAL);
      // What the device does not have comes before how it is asked for.
      assertThat(RawFeature.call(device, UNKNOWN, 0)).isEqualTo(Errno.ENOTTY);
      assertThat(RawFeature.call(device, PROBE | GET | SET | UNKNOWN, 0)).isEqualTo(Errno.ENOTTY);
      // Then what can be done with it, before the probe ends.
      assertThat(RawFeature.call(device, SET | MIGRATION, 0)).isEqualTo(Errno.EINVAL);
      assertThat(RawFeature.call(device, PROBE | SET | MIGRATION, 8)).isEqualTo(Errno.EINVAL);
      assertThat(RawFeature.call(device, PROBE | GET | SET | MIGRATION, 8)).isEqualTo(Errno.EINVAL);
      assertThat(RawFeature.call(device, PROBE | GET | MIGRATION, 0)).isNull();
      assertThat(RawFeature.call(device, PROBE | MIGRATION, 0)).isNull();
      int state = DeviceFeature.MIG_DEVICE_STATE.number();
      assertThat(RawFeature.call(device, PROBE | GET | SET | state, 0)).isNull();
      // Then that anything is to be done, and the room for it.
      assertThat(RawFeature.call(device, MIGRATION, 8)).isEqualTo(Errno.EINVAL);
      assertThat(RawFeature.call(device, GET | MIGRATION, 7)).isEqualTo(Errno.EINVAL);
      assertThat(RawFeature.call(device, GET | MIGRATION, 8)).isNull();
      assertThat(RawFeature.call(device, GET | MIGRATION, 800)).isNull();
    }
  }

  @Test
  @Tag("lab")
  void whereThereIsNoMemory() {
    try (Mtty mtty = new Mtty(1)) {
      assertThat(Lab.KERNEL.ioctl(mtty.device().fd(), VFIO_DEVICE_FEATURE, 16L))
          .isEqualTo(Errno.EFAULT.result());
    }
  }

  @Test
  @Tag("lab")
  void beforeTheDeviceIsBound() {
    try (UnboundDevice unbound = VfioCdev.find(Lab.KERNEL, Lab.EDU).open();
        VfioDevice early =
            VfioDevice.adopt(
                Lab.KERNEL, Lab.KERNEL.open(VfioCdev.find(Lab.KERNEL, Lab.EDU).node(), 2), "edu")) {
      assertThat(unbound.isClosed()).isFalse();
      for (DeviceFeature feature : DeviceFeature.values()) {
        assertThat(RawFeature.probe(early, feature, GET)).isEqualTo(Errno.EINVAL);
      }
      Refusal.of(Reason.INVALID_ARGUMENT, () -> early.features().all());
    }
  }

  /** Under vfio-pci itself there are those of power management, and the token of SR-IOV. */
  @EveryMode
  void ofAnyPciFunction(VfioMode mode) {
    try (AssignedDevice edu = Lab.openEdu(mode);
        AssignedDevice nvme = AssignedDevice.open(Lab.KERNEL, mode, Lab.NVME)) {
      for (VfioDevice device : new VfioDevice[] {edu.device(), nvme.device()}) {
        assertThat(device.features().all())
            .containsExactlyInAnyOrder(
                DeviceFeature.LOW_POWER_ENTRY,
                DeviceFeature.LOW_POWER_ENTRY_WITH_WAKEUP,
                DeviceFeature.LOW_POWER_EXIT);
        Refusal.of(
            Reason.NOT_SUPPORTED,
            Errno.ENOTTY,
            () -> device.features().setVfToken(VfToken.random()));
        Refusal.of(Reason.NOT_SUPPORTED, Errno.ENOTTY, () -> device.features().setBusMaster(true));
      }
    }
  }
}
