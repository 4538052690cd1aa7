// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_GET_PCI_HOT_RESET_INFO;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_RESET;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.UnboundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.device.DeviceInfo;
import org.vfio4j.device.uapi.VfioPciDependentDevice;
import org.vfio4j.device.uapi.VfioPciHotResetInfo;
import org.vfio4j.group.VfioGroup;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.PciDriver;

/** Resets of one function: VFIO_DEVICE_RESET, and that of a device as it is opened. */
class FunctionResetTest {
  private static final DeviceCookie COOKIE = DeviceCookie.of(1);

  private static BoundDevice open(Iommufd iommufd, PciAddress address) {
    return VfioCdev.find(Lab.KERNEL, address).open().bind(iommufd, COOKIE);
  }

  private static void assertReset(BoundDevice device, boolean told, Errno errno) {
    assertThat(device.info().has(DeviceInfo.Flag.RESET)).isEqualTo(told);
    assertThat(Lab.KERNEL.ioctl(device.fd(), VFIO_DEVICE_RESET, 0L))
        .isEqualTo(errno == null ? 0 : errno.result());
  }

  private static void write(String path) {
    assertThat(Lab.KERNEL.writeFile(path, "1".getBytes(StandardCharsets.US_ASCII))).isEqualTo(1);
  }

  private static void remove(PciAddress address) {
    write(Lab.sysfs(address).path() + "/remove");
  }

  private static void findAgain(PciAddress address) {
    write(Lab.KERNEL.roots().sys("bus/pci/rescan"));
    PciDriver.bind(Lab.KERNEL, address, PciDriver.VFIO_PCI);
  }

  /**
   * It counts as one of the function if the kernel found that before the others, and if the others
   * are gone when the device is opened.
   */
  @Test
  @Tag("lab")
  void ofTheBusThatItIsAloneOn() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL)) {
      try (BoundDevice one = open(iommufd, Lab.SHARED_1);
          BoundDevice two = open(iommufd, Lab.SHARED_2)) {
        assertReset(one, false, Errno.EINVAL);
        assertReset(two, false, Errno.EINVAL);
      }
      remove(Lab.SHARED_2);
      BoundDevice alone = null;
      try {
        alone = open(iommufd, Lab.SHARED_1);
        assertReset(alone, true, null);
      } finally {
        findAgain(Lab.SHARED_2);
      }
      assertReset(alone, true, Errno.ENOTTY);
      alone.close();

      remove(Lab.SHARED_1);
      try (BoundDevice two = open(iommufd, Lab.SHARED_2)) {
        assertReset(two, false, Errno.EINVAL);
      } finally {
        findAgain(Lab.SHARED_1);
      }
      // Who was found last is told of last.
      try (BoundDevice two = open(iommufd, Lab.SHARED_2)) {
        int size = VfioPciDependentDevice.SIZEOF;
        VfioPciHotResetInfo info = new VfioPciHotResetInfo(2 * size);
        assertThat(Lab.KERNEL.ioctl(two.fd(), VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info)).isZero();
        int devfn = VfioPciHotResetInfo.DEVICES + VfioPciDependentDevice.DEVFN;
        assertThat(info.getByte(devfn)).isEqualTo((byte) Lab.SHARED_2.devfn());
        assertThat(info.getByte(devfn + size)).isEqualTo((byte) Lab.SHARED_1.devfn());
      }
    } finally {
      // In the order that they had at first.
      remove(Lab.SHARED_2);
      findAgain(Lab.SHARED_2);
    }
  }

  /** Whoever takes its driver away has it locked, and a device that resets is reset when opened. */
  @Test
  @Tag("lab")
  void whatIsTakenAwayIsNotOpenedAnyMore() throws Exception {
    int number = Lab.sysfs(Lab.NVME).iommuGroup().orElseThrow();
    CompletableFuture<Void> unbound = null;
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL)) {
      try (UnboundDevice nvme = VfioCdev.find(Lab.KERNEL, Lab.NVME).open()) {
        unbound = CompletableFuture.runAsync(() -> PciDriver.unbind(Lab.KERNEL, Lab.NVME));
        String folder = Lab.sysfs(Lab.NVME).path() + "/vfio-dev";
        Lab.await(() -> !Lab.KERNEL.list(folder).isOk());
        assertThat(unbound.isDone()).isFalse();
        VfioException locked =
            catchThrowableOfType(VfioException.class, () -> nvme.bind(iommufd, COOKIE));
        assertThat(locked.errno()).contains(Errno.EAGAIN);
        assertThat(locked.reason()).isEqualTo(Reason.IN_USE);
        assertThat(locked.fact()).contains("unbinds");
        try (VfioGroup group = VfioGroup.open(Lab.KERNEL, number)) {
          // Also where the group is in no container, for which there would be EINVAL.
          Refusal.of(Reason.WRONG_DRIVER, Errno.ENODEV, () -> group.device(Lab.NVME));
        }
      }
      unbound.get(60, TimeUnit.SECONDS);
    } finally {
      if (unbound != null) {
        unbound.get(60, TimeUnit.SECONDS);
      }
      PciDriver.bind(Lab.KERNEL, Lab.NVME, PciDriver.VFIO_PCI);
    }
  }
}
