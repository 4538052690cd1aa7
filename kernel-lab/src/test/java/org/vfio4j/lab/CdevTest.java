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
import org.vfio4j.cdev.Attachment;
import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.UnboundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.device.DeviceInfo;
import org.vfio4j.device.VfioPci;
import org.vfio4j.examples.edu.EduDriver;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.HwptId;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.SysfsDevice;

/** Device nodes, and what a device is attached to. */
class CdevTest {
  private static final byte[] SENT = {8, 7, 6, 5, 4, 3, 2, 1};

  @Test
  @Tag("lab")
  void isFoundInThreeWays() {
    VfioCdev byAddress = VfioCdev.find(Lab.KERNEL, Lab.EDU);
    assertThat(byAddress.node()).matches("/dev/vfio/devices/vfio\\d+");
    SysfsDevice folder = SysfsDevice.at(Lab.KERNEL, "/sys/devices/pci0000:00/" + Lab.EDU);
    assertThat(VfioCdev.find(folder).node()).isEqualTo(byAddress.node());
    VfioCdev byNode = VfioCdev.at(Lab.KERNEL, byAddress.node());
    assertThat(byNode.node()).isEqualTo(byAddress.node());
    assertThat(byNode.device().attribute("vendor")).contains("0x1234");
    for (VfioCdev cdev : new VfioCdev[] {byAddress, VfioCdev.find(folder), byNode}) {
      try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
          UnboundDevice unbound = cdev.open();
          BoundDevice bound = unbound.bind(iommufd, DeviceCookie.of(1))) {
        assertThat(bound.region(VfioPci.BAR0).getIntLe(0)).isEqualTo(Edu.IDENTITY);
      }
    }
    // However it was found, the device is called the same.
    try (UnboundDevice unbound = byNode.open()) {
      assertThat(unbound.toString()).contains(Lab.EDU.toString());
    }
  }

  @Test
  @Tag("lab")
  void isOpenOftenAndBoundOnce() {
    VfioCdev cdev = VfioCdev.find(Lab.KERNEL, Lab.EDU);
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas();
        UnboundDevice one = cdev.open();
        UnboundDevice two = cdev.open();
        UnboundDevice three = cdev.open();
        BoundDevice bound = one.bind(iommufd, DeviceCookie.of(0x1_0000_0001L))) {
      assertThat(bound.cookie()).isEqualTo(DeviceCookie.of(0x1_0000_0001L));
      assertThat(bound.iommufd()).isSameAs(iommufd);
      assertThat(bound.devId().value()).isPositive().isNotEqualTo(ioas.id().value());
      VfioException again =
          Refusal.of(Reason.WRONG_STATE, () -> two.bind(iommufd, DeviceCookie.of(2)));
      assertThat(again.errno()).contains(Errno.EINVAL);
      assertThat(again)
          .hasMessageContaining(cdev.node())
          .hasMessageContaining("process " + ProcessHandle.current().pid());
      Refusal.of(Reason.WRONG_STATE, () -> one.bind(iommufd, DeviceCookie.of(2)));
      bound.close();
      // What was refused may be tried again.
      try (BoundDevice second = two.bind(iommufd, DeviceCookie.of(2))) {
        assertThat(second.info().has(DeviceInfo.Flag.PCI)).isTrue();
      }
      assertThat(three.isClosed()).isFalse();
    }
  }

  @Test
  @Tag("lab")
  void attachReplaceDetach() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas one = iommufd.allocateIoas();
        Ioas other = iommufd.allocateIoas();
        BoundDevice device =
            VfioCdev.find(Lab.KERNEL, Lab.EDU).open().bind(iommufd, DeviceCookie.of(1));
        EduDriver edu = new EduDriver(device)) {
      // Bound and not attached: it answers, but its DMA goes nowhere.
      assertThat(edu.factorial(5)).isEqualTo(120);
      assertThat(edu.thereAndBack(one, SENT)).isEqualTo(new byte[SENT.length]);

      Attachment first = device.attach(one);
      assertThat(first.isCurrent()).isTrue();
      assertThat(first.pageTable()).isSameAs(one);
      assertThat(first.ptId()).isInstanceOf(HwptId.class);
      assertThat(edu.thereAndBack(one, SENT)).isEqualTo(SENT);
      VfioException twice = Refusal.of(Reason.WRONG_STATE, () -> device.attach(other));
      assertThat(twice).hasMessageContaining(one.id().toString());

      Attachment second = first.replace(other);
      assertThat(first.isCurrent()).isFalse();
      assertThat(second.isCurrent()).isTrue();
      assertThat(second.ptId()).isNotEqualTo(first.ptId());
      Refusal.of(Reason.WRONG_STATE, first::detach);
      Refusal.of(Reason.WRONG_STATE, () -> first.replace(one));
      assertThat(edu.thereAndBack(other, SENT)).isEqualTo(SENT);
      assertThat(edu.thereAndBack(one, SENT)).isEqualTo(new byte[SENT.length]);

      second.detach();
      assertThat(second.isCurrent()).isFalse();
      Refusal.of(Reason.WRONG_STATE, second::detach);
      assertThat(edu.thereAndBack(other, SENT)).isEqualTo(new byte[SENT.length]);
      // Detached from it, the space can go; and the device can come back to the other one.
      other.close();
      Refusal.of(Reason.CLOSED, () -> device.attach(other));
      device.attach(one);
      assertThat(edu.thereAndBack(one, SENT)).isEqualTo(SENT);
    }
  }

  @Test
  @Tag("lab")
  void anotherIommufdsSpace() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Iommufd another = Iommufd.open(Lab.KERNEL);
        Ioas foreign = another.allocateIoas();
        BoundDevice device =
            VfioCdev.find(Lab.KERNEL, Lab.EDU).open().bind(iommufd, DeviceCookie.of(1))) {
      VfioException refusal = Refusal.of(Reason.INVALID_ARGUMENT, () -> device.attach(foreign));
      assertThat(refusal).hasMessageContaining("another iommufd");
    }
  }

  @EveryGroupMode
  void reset(VfioMode mode) {
    try (AssignedDevice edu = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU)) {
      assertThat(edu.device().info().has(DeviceInfo.Flag.RESET)).isFalse();
      VfioException refusal = Refusal.of(Reason.NOT_SUPPORTED, edu.device()::reset);
      assertThat(refusal.errno()).contains(Errno.EINVAL);
      assertThat(refusal.fact()).contains("no reset of its own");
    }
    try (AssignedDevice nvme = AssignedDevice.open(Lab.KERNEL, mode, Lab.NVME);
        NvmeDriver driver = new NvmeDriver(nvme.device(), nvme.dma())) {
      assertThat(nvme.device().info().has(DeviceInfo.Flag.RESET)).isTrue();
      assertThat(nvme.device().region(VfioPci.BAR0).getIntLe(0x1c) & 1).as("ready").isEqualTo(1);
      nvme.device().reset();
      assertThat(nvme.device().region(VfioPci.BAR0).getIntLe(0x1c) & 1).isZero();
      assertThat(nvme.device().config().isMemoryEnabled()).isTrue();
    }
  }
}
