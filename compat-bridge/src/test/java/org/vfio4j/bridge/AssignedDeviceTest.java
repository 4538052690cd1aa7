// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.group.Type1Iommu;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.SysfsDevice;

class AssignedDeviceTest {
  private final StubMachine machine = new StubMachine();

  private AssignedDevice open(VfioMode mode) {
    return AssignedDevice.open(machine.kernel, mode, PciAddress.of(StubMachine.FIRST));
  }

  private AssignedDevice openBeside(AssignedDevice device, String address) {
    return device.openBeside(
        SysfsDevice.pci(machine.kernel, PciAddress.of(address)), DeviceCookie.of(8));
  }

  private static VfioException failure(Runnable call) {
    return catchThrowableOfType(VfioException.class, call::run);
  }

  /** Opens two devices and closes them; what fails does not keep the rest from being closed. */
  private static void lifeOfTwo(StubMachine machine, VfioMode mode) {
    AssignedDevice first =
        AssignedDevice.open(machine.kernel, mode, PciAddress.of(StubMachine.FIRST));
    try (first) {
      first
          .openBeside(
              SysfsDevice.pci(machine.kernel, PciAddress.of(StubMachine.SECOND)),
              DeviceCookie.of(1))
          .close();
    }
  }

  @ParameterizedTest
  @EnumSource
  void whicheverCallFailsNothingStaysOpen(VfioMode mode) {
    lifeOfTwo(machine, mode);
    assertThat(machine.open).isEmpty();
    int all = machine.calls;
    assertThat(all).isGreaterThan(10);
    int refused = 0;
    for (int n = 1; n <= all; n++) {
      StubMachine failing = new StubMachine();
      failing.failing = n;
      if (failure(() -> lifeOfTwo(failing, mode)) != null) {
        refused++;
      }
      assertThat(failing.open).as("open when call %s fails: %s", n, failing.log).isEmpty();
    }
    assertThat(refused).isGreaterThan(all / 2);
  }

  @ParameterizedTest
  @EnumSource
  void whatItGives(VfioMode mode) {
    try (AssignedDevice device = open(mode)) {
      assertThat(device.mode()).isEqualTo(mode);
      assertThat(device.cookie()).isEqualTo(DeviceCookie.of(0));
      assertThat(device.dma())
          .isInstanceOf(mode == VfioMode.IOMMUFD ? Ioas.class : Type1Iommu.class);
      assertThat(device).hasToString(StubMachine.FIRST + " in mode " + mode);
      try (AssignedDevice beside = openBeside(device, StubMachine.SECOND)) {
        assertThat(beside.dma()).isSameAs(device.dma());
        assertThat(beside.cookie()).isEqualTo(DeviceCookie.of(8));
      }
      assertThat(device.dma().lifetime().isClosed()).isFalse();
    }
    assertThat(machine.open).isEmpty();
  }

  @ParameterizedTest
  @EnumSource
  void theSpaceGoesWithTheLastDevice(VfioMode mode) {
    AssignedDevice first = open(mode);
    AssignedDevice second = openBeside(first, StubMachine.SECOND);
    first.close();
    first.close();
    assertThat(second.dma().lifetime().isClosed()).isFalse();
    VfioException e = failure(() -> openBeside(first, StubMachine.FIRST));
    assertThat(e.reason()).isEqualTo(Reason.CLOSED);
    assertThat(e.fact()).contains(StubMachine.FIRST);
    second.close();
    assertThat(second.dma().lifetime().isClosed()).isTrue();
    assertThat(machine.open).isEmpty();
  }

  @ParameterizedTest
  @EnumSource
  void aDeviceThatCannotBeHadBesideTouchesNothing(VfioMode mode) {
    try (AssignedDevice device = open(mode)) {
      List<String> before = List.copyOf(machine.open.values());
      int refused = 0;
      VfioException e;
      do {
        machine.failing = machine.calls + ++refused;
        e = failure(() -> openBeside(device, StubMachine.SECOND).close());
        if (e != null) {
          assertThat(machine.open.values()).containsExactlyInAnyOrderElementsOf(before);
        }
        assertThat(device.device().isClosed()).isFalse();
        assertThat(device.dma().lifetime().isClosed()).isFalse();
      } while (e != null);
      assertThat(refused).isGreaterThan(1);
    }
    assertThat(machine.open).isEmpty();
  }

  @Test
  void theGroupIsOpenedOnce() {
    try (AssignedDevice device = open(VfioMode.VFIO_TYPE1V2_IOMMU);
        AssignedDevice again = openBeside(device, StubMachine.FIRST)) {
      assertThat(again.device()).isNotSameAs(device.device());
      assertThat(machine.log).containsOnlyOnce("open /dev/vfio/5", "set iommu 3");
    }
  }

  @Test
  void closesTheDeviceFirst() {
    open(VfioMode.IOMMUFD).close();
    assertThat(machine.log)
        .containsExactly(
            "open /dev/iommu",
            "open /dev/vfio/devices/vfio0",
            "close /dev/vfio/devices/vfio0",
            "destroy 1",
            "close /dev/iommu");
    machine.log.clear();
    open(VfioMode.VFIO_TYPE1_IOMMU).close();
    assertThat(machine.log)
        .containsExactly(
            "open /dev/vfio/vfio",
            "open /dev/vfio/5",
            "set iommu 1",
            "open device of /dev/vfio/5",
            "close device of /dev/vfio/5",
            "unmap all",
            "close /dev/vfio/5",
            "close /dev/vfio/vfio");
    machine.log.clear();
    open(VfioMode.IOMMUFD_COMPAT_TYPE1V2).close();
    assertThat(machine.log)
        .containsExactly(
            "open /dev/iommu",
            "open /dev/iommu",
            "close /dev/iommu",
            "open /dev/vfio/5",
            "set iommu 3",
            "open device of /dev/vfio/5",
            "close device of /dev/vfio/5",
            "unmap all",
            "close /dev/vfio/5",
            "close /dev/iommu");
  }

  @Test
  void aFailureInTheEndClosesTheRest() {
    AssignedDevice device = open(VfioMode.VFIO_TYPE1V2_IOMMU);
    int closes = machine.calls;
    device.close();
    int all = machine.calls - closes;
    for (int n = 1; n <= all; n++) {
      StubMachine failing = new StubMachine();
      AssignedDevice other =
          AssignedDevice.open(
              failing.kernel, VfioMode.VFIO_TYPE1V2_IOMMU, PciAddress.of(StubMachine.FIRST));
      failing.failing = failing.calls + n;
      failure(other::close);
      assertThat(failing.open).as("open when call %s of the close fails", n).isEmpty();
    }
  }
}
