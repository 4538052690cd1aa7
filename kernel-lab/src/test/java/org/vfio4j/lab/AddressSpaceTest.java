// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.UnboundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.examples.edu.EduDriver;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;

/** Several devices in one address space. */
class AddressSpaceTest {
  private static final byte[] SENT = {1, 2, 3, 4, 5, 6, 7, 8};

  @EveryGroupMode
  void devicesOfOneGroup(VfioMode mode) {
    AssignedDevice first = AssignedDevice.open(Lab.KERNEL, mode, Lab.SHARED_1);
    try (AssignedDevice second = first.openBeside(Lab.sysfs(Lab.SHARED_2), DeviceCookie.of(2))) {
      assertThat(second.dma()).isSameAs(first.dma());
      assertThat(second.cookie()).isEqualTo(DeviceCookie.of(2));
      try (EduDriver one = new EduDriver(first.device())) {
        assertThat(one.thereAndBack(first.dma(), SENT)).isEqualTo(SENT);
      }
      // The second goes on when the first one is closed.
      first.close();
      Refusal.of(Reason.CLOSED, () -> first.openBeside(Lab.sysfs(Lab.NVME), DeviceCookie.of(3)));
      try (EduDriver other = new EduDriver(second.device())) {
        assertThat(other.thereAndBack(second.dma(), SENT)).isEqualTo(SENT);
      }
    } finally {
      first.close();
    }
    AssignedDevice.open(Lab.KERNEL, mode, Lab.SHARED_2).close();
  }

  /** edu writes what nvme then reads. */
  @EveryGroupMode
  void devicesOfTwoGroups(VfioMode mode) {
    try (AssignedDevice edu = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU);
        AssignedDevice nvme = edu.openBeside(Lab.sysfs(Lab.NVME), DeviceCookie.of(2));
        EduDriver driver = new EduDriver(edu.device());
        NvmeDriver disk = new NvmeDriver(nvme.device(), nvme.dma());
        DmaBuffer block = edu.dma().allocate(4096)) {
      assertThat(driver.thereAndBack(edu.dma(), SENT)).isEqualTo(SENT);
      disk.identifyController(block);
      assertThat(NvmeDriver.text(block, 4, 20)).isEqualTo("lab1");
    }
  }

  /** Devices that cannot be told apart cannot be in two address spaces. */
  @Test
  @Tag("lab")
  void oneGroupHasOneAddressSpace() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas one = iommufd.allocateIoas();
        Ioas other = iommufd.allocateIoas();
        BoundDevice first =
            VfioCdev.find(Lab.KERNEL, Lab.SHARED_1).open().bind(iommufd, DeviceCookie.of(1));
        BoundDevice second =
            VfioCdev.find(Lab.KERNEL, Lab.SHARED_2).open().bind(iommufd, DeviceCookie.of(2))) {
      first.attach(one);
      VfioException refusal = Refusal.of(Reason.INVALID_ARGUMENT, () -> second.attach(other));
      assertThat(refusal)
          .hasMessageContaining("0000:01:02.0")
          .hasMessageContaining("attached elsewhere");
      second.attach(one);
    }
  }

  @Test
  @Tag("lab")
  void oneGroupHasOneIommufd() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Iommufd another = Iommufd.open(Lab.KERNEL);
        BoundDevice first =
            VfioCdev.find(Lab.KERNEL, Lab.SHARED_1).open().bind(iommufd, DeviceCookie.of(1))) {
      VfioException refusal;
      try (UnboundDevice second = VfioCdev.find(Lab.KERNEL, Lab.SHARED_2).open()) {
        refusal = Refusal.of(Reason.NOT_VIABLE, () -> second.bind(another, DeviceCookie.of(2)));
      }
      assertThat(refusal).hasMessageContaining("0000:01:01.0").hasMessageContaining("vfio-pci");
      assertThat(first.devId().value()).isPositive();
    }
  }
}
