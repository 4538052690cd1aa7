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
import org.vfio4j.device.IoEventFd;
import org.vfio4j.device.Region;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.VfioPci;
import org.vfio4j.device.uapi.VfioDeviceIoeventfd;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.linux.EventFd;

/** Eventfds that write registers of a device. */
class IoEventFdTest {
  /** How many vfio-pci allows. */
  private static final int MOST = 1000;

  /** A register of {@code edu} that keeps 64 bits: the source address of its DMA engine. */
  private static final int EDU_WIDE = 0x80;

  private static final int SIZE_32 = VfioDeviceUapi.VFIO_DEVICE_IOEVENTFD_32;

  @EveryGroupMode
  void writesEachTimeThatItIsRaised(VfioMode mode) {
    try (AssignedDevice edu = Lab.openEdu(mode);
        EventFd doorbell = EventFd.create(Lab.KERNEL, "doorbell");
        EventFd other = EventFd.create(Lab.KERNEL, "other doorbell")) {
      Region bar = edu.device().region(VfioPci.BAR0);
      try (IoEventFd one = bar.writeOn(doorbell, Edu.LIVENESS, 4, 0xffff_ffff_0000_00aaL);
          IoEventFd two = bar.writeOn(other, Edu.LIVENESS, 4, 0x55)) {
        assertThat(one.eventFd()).isSameAs(doorbell);
        bar.putIntLe(Edu.LIVENESS, 0);
        assertThat(bar.getIntLe(Edu.LIVENESS)).isEqualTo(-1);
        for (int round = 0; round < 3; round++) {
          doorbell.signal();
          await(bar, ~0xaa);
          other.signal();
          await(bar, ~0x55);
        }
        assertThat(two.isClosed()).isFalse();
        // The kernel takes what it saw.
        assertThat(doorbell.take()).isZero();
        VfioException twice =
            Refusal.of(
                Reason.IN_USE, Errno.EEXIST, () -> bar.writeOn(other, Edu.LIVENESS, 4, 0x55));
        assertThat(twice.fact()).contains("same value");
      }
      // Ended: it is an ordinary eventfd again.
      bar.putIntLe(Edu.LIVENESS, 0);
      doorbell.signal();
      assertThat(doorbell.take()).isEqualTo(1);
      assertThat(bar.getIntLe(Edu.LIVENESS)).isEqualTo(-1);
    }
  }

  @EveryMode
  void noneReachesADeviceThatDoesNotListen(VfioMode mode) throws InterruptedException {
    try (AssignedDevice edu = Lab.openEdu(mode);
        EventFd doorbell = EventFd.create(Lab.KERNEL, "doorbell")) {
      Region bar = edu.device().region(VfioPci.BAR0);
      bar.putIntLe(Edu.LIVENESS, 1);
      try (IoEventFd registered = bar.writeOn(doorbell, Edu.LIVENESS, 4, 2)) {
        edu.device().config().enableMemory(false);
        doorbell.signal();
        Thread.sleep(50);
        edu.device().config().enableMemory(true);
        assertThat(bar.getIntLe(Edu.LIVENESS)).isEqualTo(~1);
        assertThat(registered.isClosed()).isFalse();
        doorbell.signal();
        await(bar, ~2);
      }
    }
  }

  @EveryMode
  void ofAnyWidth(VfioMode mode) {
    try (AssignedDevice edu = Lab.openEdu(mode);
        EventFd doorbell = EventFd.create(Lab.KERNEL, "doorbell")) {
      Region bar = edu.device().region(VfioPci.BAR0);
      try (IoEventFd wide = bar.writeOn(doorbell, EDU_WIDE, 8, 0x1234_5678_9abc_def0L)) {
        bar.putLongLe(EDU_WIDE, 0);
        doorbell.signal();
        long giveUp = System.nanoTime() + 20_000_000_000L;
        while (bar.getLongLe(EDU_WIDE) == 0 && System.nanoTime() < giveUp) {
          Thread.onSpinWait();
        }
        assertThat(bar.getLongLe(EDU_WIDE)).isEqualTo(0x1234_5678_9abc_def0L);
        assertThat(wide.toString()).contains("8 bytes");
      }
      bar.writeOn(doorbell, Edu.LIVENESS, 1, 1).close();
      bar.writeOn(doorbell, Edu.LIVENESS, 2, 1).close();
      Refusal.of(Reason.INVALID_ARGUMENT, () -> bar.writeOn(doorbell, 0, 3, 1));
      Refusal.of(Reason.INVALID_ARGUMENT, () -> bar.writeOn(doorbell, 2, 4, 1));
      Refusal.of(Reason.INVALID_ARGUMENT, () -> bar.writeOn(doorbell, bar.size(), 4, 1));
      Refusal.of(Reason.INVALID_ARGUMENT, () -> bar.writeOn(doorbell, -4, 4, 1));
      Region config = edu.device().region(VfioPci.CONFIG);
      Refusal.of(Reason.INVALID_ARGUMENT, Errno.EINVAL, () -> config.writeOn(doorbell, 4, 4, 1));
    }
  }

  @Test
  @Tag("lab")
  void notOverTheTableOfMsix() {
    try (AssignedDevice nvme = AssignedDevice.open(Lab.KERNEL, VfioMode.IOMMUFD, Lab.NVME);
        EventFd doorbell = EventFd.create(Lab.KERNEL, "doorbell")) {
      Region bar = nvme.device().region(VfioPci.BAR0);
      for (int offset : new int[] {0x2000, 0x2000 + 65 * 16 - 4}) {
        Refusal.of(
            Reason.INVALID_ARGUMENT, Errno.EINVAL, () -> bar.writeOn(doorbell, offset, 4, 0));
      }
      bar.writeOn(doorbell, 0x2000 - 4, 4, 0).close();
      bar.writeOn(doorbell, 0x2000 + 65 * 16, 4, 0).close();
    }
  }

  @Test
  @Tag("lab")
  void noMoreThanVfioAllows() {
    try (AssignedDevice edu = Lab.openEdu(VfioMode.IOMMUFD);
        EventFd doorbell = EventFd.create(Lab.KERNEL, "doorbell")) {
      for (int value = 0; value < MOST; value++) {
        assertThat(set(edu.device(), request(doorbell.fd()).data(value))).isNull();
      }
      assertThat(set(edu.device(), request(doorbell.fd()).data(MOST))).isEqualTo(Errno.ENOSPC);
      Region bar = edu.device().region(VfioPci.BAR0);
      VfioException refusal =
          Refusal.of(
              Reason.LIMIT, Errno.ENOSPC, () -> bar.writeOn(doorbell, Edu.LIVENESS, 4, MOST));
      assertThat(refusal.fact()).contains("1000");
      assertThat(set(edu.device(), request(-1).data(7))).isNull();
      assertThat(set(edu.device(), request(doorbell.fd()).data(MOST))).isNull();
    }
  }

  @Test
  @Tag("lab")
  void refusals() {
    try (AssignedDevice edu = Lab.openEdu(VfioMode.IOMMUFD);
        EventFd doorbell = EventFd.create(Lab.KERNEL, "doorbell")) {
      VfioDevice device = edu.device();
      int fd = doorbell.fd();
      assertThat(set(device, request(fd).argsz(27))).isEqualTo(Errno.EINVAL);
      assertThat(set(device, request(fd).argsz(28))).isNull();
      assertThat(set(device, request(-1))).isNull();
      assertThat(set(device, request(-1))).as("there is none").isEqualTo(Errno.ENODEV);
      for (int flags : new int[] {0, 3, 0x10, SIZE_32 | 0x10}) {
        assertThat(set(device, request(fd).flags(flags))).isEqualTo(Errno.EINVAL);
      }
      assertThat(set(device, request(-2))).isEqualTo(Errno.EINVAL);
      assertThat(set(device, request(1_000_000))).isEqualTo(Errno.EBADF);
      assertThat(set(device, request(device.fd()))).as("no eventfd").isEqualTo(Errno.EINVAL);
      // Behind the end of the BAR, in one that is not there, and in no BAR.
      assertThat(set(device, request(fd).offset((1 << 20) - 3))).isEqualTo(Errno.EINVAL);
      assertThat(set(device, request(fd).offset(1L << 40))).isEqualTo(Errno.EINVAL);
      assertThat(set(device, request(fd).offset(7L << 40))).isEqualTo(Errno.EINVAL);
      assertThat(Lab.KERNEL.ioctl(device.fd(), VfioDeviceUapi.VFIO_DEVICE_IOEVENTFD, 16L))
          .isEqualTo(Errno.EFAULT.result());
    }
    try (Mtty mtty = new Mtty(1)) {
      assertThat(set(mtty.device(), request(-1))).isEqualTo(Errno.ENOTTY);
    }
  }

  private static VfioDeviceIoeventfd request(int fd) {
    return new VfioDeviceIoeventfd().flags(SIZE_32).offset(Edu.LIVENESS).data(0).fd(fd);
  }

  private static Errno set(VfioDevice device, VfioDeviceIoeventfd request) {
    int result = Lab.KERNEL.ioctl(device.fd(), VfioDeviceUapi.VFIO_DEVICE_IOEVENTFD, request);
    return result < 0 ? Errno.ofResult(result) : null;
  }

  private static void await(Region bar, int value) {
    long giveUp = System.nanoTime() + 20_000_000_000L;
    while (bar.getIntLe(Edu.LIVENESS) != value && System.nanoTime() < giveUp) {
      Thread.onSpinWait();
    }
    assertThat(bar.getIntLe(Edu.LIVENESS)).isEqualTo(value);
  }
}
