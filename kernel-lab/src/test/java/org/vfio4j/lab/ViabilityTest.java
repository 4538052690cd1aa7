// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.linux.PciDriver;
import org.vfio4j.linux.SysfsDevice;

/** Devices that the IOMMU cannot keep apart, in different hands. */
class ViabilityTest {
  /** The chipset's group: SATA is handed out here, its neighbours stay with the host. */
  @BeforeAll
  static void handOutSata() {
    PciDriver.bind(Lab.KERNEL, Lab.SATA, PciDriver.VFIO_PCI);
  }

  @AfterAll
  static void giveSataBack() {
    PciDriver.restore(Lab.KERNEL, Lab.SATA);
  }

  @EveryGroupMode
  void theGroupIsNotViable(VfioMode mode) {
    Map<String, Optional<String>> before = drivers();
    assertThat(before).hasSizeGreaterThan(1);
    VfioException refused =
        Refusal.of(Reason.NOT_VIABLE, () -> AssignedDevice.open(Lab.KERNEL, mode, Lab.SATA));
    before.forEach(
        (name, driver) -> {
          assertThat(refused.fact()).contains(name);
          if (!name.equals(Lab.SATA.toString())) {
            driver.ifPresent(bound -> assertThat(refused.fact()).contains(bound));
          }
        });
    assertThat(refused.hint()).contains("vfio-pci");
    // Nothing was changed by it, and nothing stayed open.
    assertThat(drivers()).isEqualTo(before);
    Refusal.of(Reason.NOT_VIABLE, () -> AssignedDevice.open(Lab.KERNEL, mode, Lab.SATA));
  }

  /** A member without a driver does no harm; its host driver, if it gets one, does not get it. */
  @EveryGroupMode
  void aMemberWithoutADriverDoesNoHarm(VfioMode mode) {
    PciDriver.unbind(Lab.KERNEL, Lab.SHARED_2);
    try (AssignedDevice edu = AssignedDevice.open(Lab.KERNEL, mode, Lab.SHARED_1)) {
      assertThat(edu.device().info().numRegions()).isPositive();
      Refusal.of(
          Reason.WRONG_DRIVER, () -> edu.openBeside(Lab.sysfs(Lab.SHARED_2), DeviceCookie.of(2)));
      assertThat(edu.device().info().numRegions()).isPositive();
    } finally {
      PciDriver.bind(Lab.KERNEL, Lab.SHARED_2, PciDriver.VFIO_PCI);
    }
  }

  /** All devices of a group have one address space, whoever asks for another. */
  @EveryGroupMode
  void aGroupIsInOneAddressSpace(VfioMode mode) {
    try (AssignedDevice first = AssignedDevice.open(Lab.KERNEL, mode, Lab.SHARED_1)) {
      VfioException apart =
          Refusal.of(
              mode == VfioMode.IOMMUFD ? Reason.NOT_VIABLE : Reason.IN_USE,
              () -> AssignedDevice.open(Lab.KERNEL, mode, Lab.SHARED_2));
      assertThat(apart.hint()).isNotBlank();
      try (AssignedDevice beside = first.openBeside(Lab.sysfs(Lab.SHARED_2), DeviceCookie.of(2));
          DmaProbe probe = new DmaProbe(beside)) {
        try (var buffer = first.dma().allocate(1)) {
          assertThat(probe.writes(buffer)).isTrue();
        }
      }
    }
  }

  private static Map<String, Optional<String>> drivers() {
    Map<String, Optional<String>> drivers = new TreeMap<>();
    for (SysfsDevice member : Lab.sysfs(Lab.SATA).iommuGroupDevices()) {
      drivers.put(member.name(), member.driver());
    }
    return drivers;
  }
}
