// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.UnboundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.group.VfioContainer;
import org.vfio4j.group.VfioGroup;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.PciAddress;

/** Devices that cannot be had, and why. */
class BindErrorsTest {
  private static final String MYSELF = "process " + ProcessHandle.current().pid() + " (";
  private static final DeviceCookie COOKIE = DeviceCookie.of(0);

  @EveryGroupMode
  void thereIsNoSuchDevice(VfioMode mode) {
    VfioException missing =
        Refusal.of(
            Reason.NO_SUCH_DEVICE,
            Errno.ENOENT,
            () -> AssignedDevice.open(Lab.KERNEL, mode, PciAddress.of("0000:00:0f.0")));
    assertThat(missing.fact()).contains("0000:00:0f.0 does not exist");
    assertThat(missing.hint()).contains("ls /sys/bus/pci/devices");
  }

  @EveryGroupMode
  void theDeviceHasNoDriver(VfioMode mode) {
    VfioException free =
        Refusal.of(
            Reason.WRONG_DRIVER, null, () -> AssignedDevice.open(Lab.KERNEL, mode, Lab.TESTDEV));
    assertThat(free.fact()).contains(Lab.TESTDEV + " is bound to no driver");
    assertThat(free.hint()).contains("vfio-pci", Lab.TESTDEV.toString());
  }

  @EveryGroupMode
  void theDeviceIsInTheHandsOfTheHost(VfioMode mode) {
    VfioException taken =
        Refusal.of(
            Reason.WRONG_DRIVER, null, () -> AssignedDevice.open(Lab.KERNEL, mode, Lab.SATA));
    assertThat(taken.fact()).contains(Lab.SATA + " is bound to ahci");
    assertThat(taken.hint()).contains("vfio-pci", Lab.SATA.toString());
    assertThat(Lab.sysfs(Lab.SATA).driver()).contains("ahci");
  }

  /** And the first user notices nothing. */
  @EveryGroupMode
  void theDeviceIsInUse(VfioMode mode) {
    try (AssignedDevice edu = Lab.openEdu(mode);
        DmaProbe probe = new DmaProbe(edu)) {
      for (VfioMode other : Lab.modes()) {
        boolean bothBind = Lab.bindsTheNode(mode) && other == VfioMode.IOMMUFD;
        Reason reason = bothBind ? Reason.WRONG_STATE : Reason.IN_USE;
        Errno errno = bothBind ? Errno.EINVAL : Errno.EBUSY;
        VfioException taken = Refusal.of(reason, errno, () -> Lab.openEdu(other));
        assertThat(taken.fact()).as("%s, then %s", mode, other).contains(MYSELF);
        assertThat(taken.hint()).isNotBlank();
      }
      try (DmaBuffer buffer = edu.dma().allocate(1)) {
        assertThat(probe.writes(buffer)).isTrue();
      }
    }
    Lab.openEdu(mode).close();
  }

  @Test
  @Tag("lab")
  void aDeviceIsBoundOnce() {
    VfioCdev cdev = VfioCdev.find(Lab.KERNEL, Lab.EDU);
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        UnboundDevice first = cdev.open();
        UnboundDevice second = cdev.open();
        BoundDevice bound = first.bind(iommufd, COOKIE)) {
      VfioException again = Refusal.of(Reason.WRONG_STATE, null, () -> first.bind(iommufd, COOKIE));
      assertThat(again.hint()).contains("BoundDevice");
      VfioException other =
          Refusal.of(Reason.WRONG_STATE, Errno.EINVAL, () -> second.bind(iommufd, COOKIE));
      assertThat(other.fact()).contains("bound already", cdev.node() + " is held by " + MYSELF);
      bound.close();
      // Refused is not used up.
      second.bind(iommufd, COOKIE).close();
    }
  }

  @Test
  @Tag("lab")
  void anOpenGroupKeepsTheNodeFromBeingBound() {
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup group = VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.EDU));
        Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        UnboundDevice unbound = VfioCdev.find(Lab.KERNEL, Lab.EDU).open()) {
      VfioException busy =
          Refusal.of(Reason.IN_USE, Errno.EBUSY, () -> unbound.bind(iommufd, COOKIE));
      assertThat(busy.fact()).contains("/dev/vfio/" + group.number() + " is held by " + MYSELF);
      group.join(container);
      group.close();
      unbound.bind(iommufd, COOKIE).close();
    }
  }

  @Test
  @Tag("lab")
  @Tag("lab-group")
  void aGroupIsOpenedOnce() {
    int number = Lab.sysfs(Lab.EDU).iommuGroup().orElseThrow();
    try (VfioGroup group = VfioGroup.open(Lab.KERNEL, number)) {
      VfioException busy =
          Refusal.of(Reason.IN_USE, Errno.EBUSY, () -> VfioGroup.open(Lab.KERNEL, number));
      assertThat(busy.fact()).contains("/dev/vfio/" + number + " is held by " + MYSELF);
      assertThat(busy.hint()).contains("open once");
      assertThat(group.status().viable()).isTrue();
    }
    VfioGroup.open(Lab.KERNEL, number).close();
  }

  /** A kernel with VFIO, and with no device nodes. */
  @ParameterizedTest(name = "{0}")
  @EnumSource(VfioMode.class)
  @Tag("lab-old")
  void theKernelHasNoDeviceNodes(VfioMode mode) {
    if (!Lab.needsIommufd(mode)) {
      Lab.openEdu(mode).close();
      return;
    }
    VfioException absent = Refusal.of(Reason.NOT_IN_KERNEL, Errno.ENOENT, () -> Lab.openEdu(mode));
    assertThat(absent.fact()).contains("/dev/iommu");
    assertThat(absent.hint()).contains("6.2");
    VfioException noNode =
        Refusal.of(Reason.NOT_IN_KERNEL, null, () -> VfioCdev.find(Lab.KERNEL, Lab.EDU));
    assertThat(noNode.fact()).contains("vfio-dev/vfio", "has no 'dev' attribute");
    assertThat(noNode.hint()).contains("CONFIG_VFIO_DEVICE_CDEV", "group API");
  }
}
