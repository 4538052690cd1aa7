// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_IOEVENTFD;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_IOEVENTFD_32;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_DEVICE_SET_IRQS;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_IRQ_SET_ACTION_MASK;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_IRQ_SET_ACTION_TRIGGER;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_IRQ_SET_ACTION_UNMASK;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_IRQ_SET_DATA_EVENTFD;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_PCI_ERR_IRQ_INDEX;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_PCI_INTX_IRQ_INDEX;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_PCI_MSIX_IRQ_INDEX;
import static org.vfio4j.device.uapi.VfioDeviceUapi.VFIO_PCI_MSI_IRQ_INDEX;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.device.Region;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.VfioPci;
import org.vfio4j.device.uapi.VfioDeviceIoeventfd;
import org.vfio4j.device.uapi.VfioIrqSet;
import org.vfio4j.linux.Linux;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;

/**
 * Eventfds under the rules of the kernel alone: what it keeps of one, and what it takes from it.
 */
class EventFdTest {
  private static final int SEMAPHORE = 1;

  /** An eventfd that does not block: {@code eventfd2(2)}. */
  private static int eventFd(int initial, int flags) {
    return Lab.KERNEL.eventfd(initial, flags | Linux.EFD_NONBLOCK | Linux.EFD_CLOEXEC);
  }

  private static void close(int... fds) {
    for (int fd : fds) {
      assertThat(Lab.KERNEL.close(fd)).isZero();
    }
  }

  /** The count, or the negative errno. */
  private static long read(int fd) {
    NativeBlock count = new NativeBlock(Long.BYTES);
    long result = Lab.KERNEL.read(fd, count, Long.BYTES);
    return result < 0 ? result : count.getLong(0);
  }

  private static void write(int fd, long value) {
    NativeBlock count = new NativeBlock(Long.BYTES);
    count.putLong(0, value);
    assertThat(Lab.KERNEL.write(fd, count, Long.BYTES)).isEqualTo(Long.BYTES);
  }

  /** Has {@code value} written to {@link Edu#LIVENESS} each time; -1 for {@code fd} ends it. */
  private static Errno register(VfioDevice edu, int fd, long value) {
    VfioDeviceIoeventfd set =
        new VfioDeviceIoeventfd()
            .flags(VFIO_DEVICE_IOEVENTFD_32)
            .offset(Edu.LIVENESS)
            .data(value)
            .fd(fd);
    int result = Lab.KERNEL.ioctl(edu.fd(), VFIO_DEVICE_IOEVENTFD, set);
    return result < 0 ? Errno.ofResult(result) : null;
  }

  @Test
  @Tag("lab")
  @Tag("lab-old")
  void itIsWrittenEightBytesAtATime() {
    int fd = eventFd(0, 0);
    NativeBlock two = new NativeBlock(2 * Long.BYTES);
    two.putLong(0, 5);
    assertThat(Lab.KERNEL.write(fd, two, 7)).isEqualTo(Errno.EINVAL.result());
    // Since Linux 6.9 no more than that, too.
    assertThat(Lab.KERNEL.write(fd, two, 16))
        .isEqualTo(Lab.OLD_KERNEL ? Long.BYTES : Errno.EINVAL.result());
    assertThat(read(fd)).isEqualTo(Lab.OLD_KERNEL ? 5 : Errno.EAGAIN.result());
    close(fd);
  }

  /** Another interrupt still has its counter, but what unmasks ends with the file. */
  @Test
  @Tag("lab")
  void whatItDoesEndsWithItsLastDescriptor() {
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, VfioMode.IOMMUFD, Lab.NVME)) {
      VfioDevice nvme = assigned.device();
      int held = eventFd(0, 0);
      int copy = Lab.KERNEL.dup(held);
      int line = eventFd(0, 0);
      int other = eventFd(0, 0);
      int trigger = VFIO_IRQ_SET_ACTION_TRIGGER;
      int unmask = VFIO_IRQ_SET_ACTION_UNMASK;
      assertThat(RawIrqs.eventFds(nvme, VFIO_PCI_ERR_IRQ_INDEX, trigger, held)).isNull();
      assertThat(RawIrqs.eventFds(nvme, VFIO_PCI_INTX_IRQ_INDEX, trigger, line)).isNull();
      assertThat(RawIrqs.eventFds(nvme, VFIO_PCI_INTX_IRQ_INDEX, unmask, held)).isNull();
      close(held);
      assertThat(RawIrqs.eventFds(nvme, VFIO_PCI_INTX_IRQ_INDEX, unmask, other))
          .isEqualTo(Errno.EBUSY);
      close(copy);
      assertThat(RawIrqs.eventFds(nvme, VFIO_PCI_INTX_IRQ_INDEX, unmask, other)).isNull();
      assertThat(RawIrqs.trigger(nvme, VFIO_PCI_ERR_IRQ_INDEX, 0)).as("nobody hears it").isNull();
      close(line, other);
    }
  }

  /** So an interrupt writes no register once the eventfd in between is closed. */
  @Test
  @Tag("lab")
  void anInterruptWritesARegisterAsLongAsItIsOpen() {
    try (AssignedDevice assigned = Lab.openEdu(VfioMode.IOMMUFD)) {
      VfioDevice edu = assigned.device();
      Region bar = edu.region(VfioPci.BAR0);
      int both = eventFd(0, 0);
      assertThat(RawIrqs.eventFds(edu, VFIO_PCI_MSI_IRQ_INDEX, VFIO_IRQ_SET_ACTION_TRIGGER, both))
          .isNull();
      assertThat(register(edu, both, 1)).isNull();
      assertThat(RawIrqs.trigger(edu, VFIO_PCI_MSI_IRQ_INDEX, 0)).isNull();
      assertThat(bar.getIntLe(Edu.LIVENESS)).isEqualTo(~1);
      bar.putIntLe(Edu.LIVENESS, 2);
      close(both);
      // A work queue ends it, which is waited for where another one is ended.
      int next = eventFd(0, 0);
      assertThat(register(edu, next, 3)).isNull();
      assertThat(register(edu, -1, 3)).isNull();
      assertThat(RawIrqs.trigger(edu, VFIO_PCI_MSI_IRQ_INDEX, 0)).isNull();
      assertThat(bar.getIntLe(Edu.LIVENESS)).isEqualTo(~2);
      // It is known still, and must be ended by who wants it anew.
      assertThat(register(edu, next, 1)).isEqualTo(Errno.EEXIST);
      assertThat(register(edu, -1, 1)).isNull();
      assertThat(register(edu, next, 1)).isNull();
      close(next);
    }
  }

  @Test
  @Tag("lab")
  void whatIsThereIsTakenInTheEnd() {
    try (AssignedDevice assigned = Lab.openEdu(VfioMode.IOMMUFD)) {
      int fd = eventFd(3, 0);
      assertThat(register(assigned.device(), fd, 1)).isNull();
      assertThat(register(assigned.device(), -1, 1)).isNull();
      assertThat(read(fd)).isEqualTo(Errno.EAGAIN.result());
      close(fd);
    }
  }

  @Test
  @Tag("lab")
  void theLastOfTwoComesFirst() {
    try (AssignedDevice assigned = Lab.openEdu(VfioMode.IOMMUFD)) {
      VfioDevice edu = assigned.device();
      int fd = eventFd(0, 0);
      assertThat(register(edu, fd, 1)).isNull();
      assertThat(register(edu, fd, 2)).isNull();
      write(fd, 1);
      assertThat(edu.region(VfioPci.BAR0).getIntLe(Edu.LIVENESS)).isEqualTo(~1);
      close(fd);
    }
  }

  @Test
  @Tag("lab")
  void zeroIsAWriteAsWell() {
    try (AssignedDevice assigned = Lab.openEdu(VfioMode.IOMMUFD)) {
      VfioDevice edu = assigned.device();
      int fd = eventFd(0, 0);
      edu.region(VfioPci.BAR0).putIntLe(Edu.LIVENESS, 0);
      assertThat(register(edu, fd, 7)).isNull();
      write(fd, 0);
      assertThat(edu.region(VfioPci.BAR0).getIntLe(Edu.LIVENESS)).isEqualTo(~7);
      close(fd);
    }
  }

  @Test
  @Tag("lab")
  void oneIsTakenOfASemaphore() {
    try (AssignedDevice assigned = Lab.openEdu(VfioMode.IOMMUFD)) {
      int fd = eventFd(0, SEMAPHORE);
      assertThat(register(assigned.device(), fd, 7)).isNull();
      write(fd, 3);
      assertThat(read(fd)).isEqualTo(1);
      assertThat(read(fd)).isEqualTo(1);
      assertThat(read(fd)).isEqualTo(Errno.EAGAIN.result());
      close(fd);
    }
  }

  /** All descriptors are read before the call does or refuses anything. */
  @Test
  @Tag("lab")
  void theDescriptorsAreReadFirst() {
    try (AssignedDevice nvme = AssignedDevice.open(Lab.KERNEL, VfioMode.IOMMUFD, Lab.NVME);
        AssignedDevice edu = Lab.openEdu(VfioMode.IOMMUFD);
        Mtty mtty = new Mtty(1)) {
      MappedMemory page = Memory.pageBeforeNothing();
      int mask = VFIO_IRQ_SET_ACTION_MASK;
      int trigger = VFIO_IRQ_SET_ACTION_TRIGGER;
      assertThat(halfUnmapped(page, edu.device(), mask, VFIO_PCI_MSI_IRQ_INDEX))
          .isEqualTo(Errno.EFAULT);
      mtty.device().info();
      assertThat(halfUnmapped(page, mtty.device(), mask, VFIO_PCI_MSI_IRQ_INDEX))
          .isEqualTo(Errno.EFAULT);
      assertThat(halfUnmapped(page, mtty.device(), mask, VFIO_PCI_MSIX_IRQ_INDEX))
          .isEqualTo(Errno.EFAULT);

      int one = eventFd(0, 0);
      int two = eventFd(0, 0);
      int index = VFIO_PCI_MSIX_IRQ_INDEX;
      assertThat(RawIrqs.eventFds(nvme.device(), index, trigger, one, two)).isNull();
      // The first of the two is in the page, and is -1: no eventfd any more.
      page.putIntLe(Memory.PAGE - Integer.BYTES, -1);
      assertThat(call(page, Integer.BYTES, nvme.device(), trigger, index, 2))
          .isEqualTo(Errno.EFAULT);
      assertThat(RawIrqs.trigger(nvme.device(), index, 0)).isNull();
      assertThat(RawIrqs.trigger(nvme.device(), index, 1)).isNull();
      assertThat(read(one)).isEqualTo(1);
      assertThat(read(two)).isEqualTo(1);
      close(one, two);
    }
  }

  private static Errno halfUnmapped(MappedMemory page, VfioDevice device, int action, int index) {
    return call(page, 0, device, action, index, 1);
  }

  /** With the struct, and so many bytes of its data, at the end of the page. */
  private static Errno call(
      MappedMemory page, int data, VfioDevice device, int action, int index, int count) {
    long at = Memory.PAGE - VfioIrqSet.SIZEOF - data;
    page.putIntLe(at + VfioIrqSet.ARGSZ, VfioIrqSet.SIZEOF + count * Integer.BYTES);
    page.putIntLe(at + VfioIrqSet.FLAGS, action | VFIO_IRQ_SET_DATA_EVENTFD);
    page.putIntLe(at + VfioIrqSet.INDEX, index);
    page.putIntLe(at + VfioIrqSet.START, 0);
    page.putIntLe(at + VfioIrqSet.COUNT, count);
    int result = Lab.KERNEL.ioctl(device.fd(), VFIO_DEVICE_SET_IRQS, page.address() + at);
    return result < 0 ? Errno.ofResult(result) : null;
  }
}
