// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.vfio4j.testkit.assertion.VfioAssertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.group.Type1Iommu;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.linux.ForwardingKernel;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.SysfsDevice;
import org.vfio4j.testkit.device.EduModel;
import org.vfio4j.testkit.failure.FailingKernel;
import org.vfio4j.testkit.failure.Failure;
import org.vfio4j.testkit.failure.FailureSweep;
import org.vfio4j.testkit.machine.Held;
import org.vfio4j.testkit.machine.KernelVersion;

/** A device and one beside it, in every mode: what they share, and what is left of them. */
class AssignedDeviceTest {
  private static final String FIRST = "0000:00:05.0";
  private static final String SECOND = "0000:00:06.0";

  private final FakeKernel fake = machine();

  private static FakeKernel machine() {
    return FakeKernel.of(
        KernelVersion.LINUX_6_12,
        machine -> {
          machine.device(FIRST, new EduModel()).inGroup(5).boundTo("vfio-pci");
          machine.device(SECOND, new EduModel()).inGroup(6).boundTo("vfio-pci");
        });
  }

  private static AssignedDevice open(Kernel kernel, VfioMode mode) {
    return AssignedDevice.open(kernel, mode, PciAddress.of(FIRST));
  }

  private static AssignedDevice openBeside(Kernel kernel, AssignedDevice device, String address) {
    return device.openBeside(SysfsDevice.pci(kernel, PciAddress.of(address)), DeviceCookie.of(8));
  }

  private static VfioException failure(Runnable call) {
    return catchThrowableOfType(VfioException.class, call::run);
  }

  @ParameterizedTest
  @EnumSource
  void whicheverCallFailsNothingStaysOpen(VfioMode mode) {
    FailureSweep.Outcome outcome =
        FailureSweep.of(
                AssignedDeviceTest::machine,
                kernel -> {
                  try (AssignedDevice first = open(kernel, mode)) {
                    openBeside(kernel, first, SECOND).close();
                  }
                })
            .calls();
    assertThat(outcome.refused()).isGreaterThan(outcome.runs() / 3);
  }

  @ParameterizedTest
  @EnumSource
  void whatItGives(VfioMode mode) {
    try (AssignedDevice device = open(fake, mode)) {
      assertThat(device.mode()).isEqualTo(mode);
      assertThat(device.cookie()).isEqualTo(DeviceCookie.of(0));
      assertThat(device.dma())
          .isInstanceOf(mode == VfioMode.IOMMUFD ? Ioas.class : Type1Iommu.class);
      assertThat(device).hasToString(FIRST + " in mode " + mode);
      try (AssignedDevice beside = openBeside(fake, device, SECOND)) {
        assertThat(beside.dma()).isSameAs(device.dma());
        assertThat(beside.cookie()).isEqualTo(DeviceCookie.of(8));
      }
      assertThat(device.dma().lifetime().isClosed()).isFalse();
    }
    assertThat(fake).holdsNothing();
  }

  @ParameterizedTest
  @EnumSource
  void theSpaceGoesWithTheLastDevice(VfioMode mode) {
    AssignedDevice first = open(fake, mode);
    AssignedDevice second = openBeside(fake, first, SECOND);
    first.close();
    first.close();
    assertThat(second.dma().lifetime().isClosed()).isFalse();
    VfioException e = failure(() -> openBeside(fake, first, FIRST));
    assertThat(e.reason()).isEqualTo(Reason.CLOSED);
    assertThat(e.fact()).contains(FIRST);
    second.close();
    assertThat(second.dma().lifetime().isClosed()).isTrue();
    assertThat(fake).holdsNothing();
  }

  @ParameterizedTest
  @EnumSource
  void aDeviceThatCannotBeHadBesideTouchesNothing(VfioMode mode) {
    FailingKernel counting = FailingKernel.over(machine());
    int first;
    try (AssignedDevice device = open(counting, mode)) {
      first = counting.attempts().size() + 1;
      openBeside(counting, device, SECOND).close();
    }
    int refused = 0;
    for (int n = first; n <= counting.attempts().size(); n++) {
      FakeKernel kernel = machine();
      FailingKernel failing = FailingKernel.over(kernel, Failure.ofCall(n));
      try (AssignedDevice device = open(failing, mode)) {
        List<Held> before = kernel.held();
        if (failure(() -> openBeside(failing, device, SECOND).close()) == null) {
          break;
        }
        refused++;
        assertThat(kernel.held()).containsExactlyInAnyOrderElementsOf(before);
        assertThat(device.device().isClosed()).isFalse();
        assertThat(device.dma().lifetime().isClosed()).isFalse();
      }
    }
    assertThat(refused).isPositive();
  }

  @Test
  void theGroupIsOpenedOnce() {
    Files kernel = new Files(fake);
    try (AssignedDevice device = open(kernel, VfioMode.VFIO_TYPE1V2_IOMMU);
        AssignedDevice again = openBeside(kernel, device, FIRST)) {
      assertThat(again.device()).isNotSameAs(device.device());
      assertThat(kernel.log).containsOnlyOnce("open /dev/vfio/5");
    }
  }

  @Test
  void closesTheDeviceFirst() {
    Files kernel = new Files(fake);
    open(kernel, VfioMode.IOMMUFD).close();
    assertThat(kernel.log)
        .containsExactly(
            "open /dev/iommu",
            "open /dev/vfio/devices/vfio0",
            "close /dev/vfio/devices/vfio0",
            "close /dev/iommu");
    kernel.log.clear();
    open(kernel, VfioMode.VFIO_TYPE1_IOMMU).close();
    assertThat(kernel.log)
        .containsSequence("open /dev/vfio/vfio", "open /dev/vfio/5")
        .endsWith("close /dev/vfio/5", "close /dev/vfio/vfio");
  }

  /** Which files under /dev are opened and closed, in order. */
  private static final class Files extends ForwardingKernel {
    private final List<String> log = new ArrayList<>();
    private final Map<Integer, String> open = new HashMap<>();

    Files(Kernel below) {
      super(below);
    }

    @Override
    public int open(String path, int flags) {
      int fd = super.open(path, flags);
      if (fd >= 0 && path.startsWith("/dev/")) {
        open.put(fd, path);
        log.add("open " + path);
      }
      return fd;
    }

    @Override
    public int close(int fd) {
      String path = open.remove(fd);
      if (path != null) {
        log.add("close " + path);
      }
      return super.close(fd);
    }
  }
}
