// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.examples.edu;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.device.EduModel;
import org.vfio4j.testkit.machine.KernelVersion;
import picocli.CommandLine;

/** The demo and its driver, without a kernel. */
class DemoTest {
  private static final String ADDRESS = "0000:00:05.0";

  private final FakeKernel kernel =
      FakeKernel.of(
          KernelVersion.LINUX_6_12,
          machine -> machine.device(ADDRESS, new EduModel()).inGroup(1).boundTo("vfio-pci"));

  @Test
  void drivesEveryMode() {
    assertThat(new CommandLine(new Demo(kernel)).execute(ADDRESS)).isZero();
    assertThat(kernel.dmaFaults()).isEmpty();
  }

  @Test
  void bringsAFakeKernelAlong() {
    FakeKernel empty = FakeKernel.of(KernelVersion.LINUX_6_12, machine -> {});
    assertThat(new CommandLine(new Demo(empty)).execute("0000:00:06.0", "--fake")).isZero();
  }

  @Test
  void failsWhereADeviceIsMissing() {
    assertThat(new CommandLine(new Demo(kernel)).execute("0000:00:06.0")).isNotZero();
  }

  @ParameterizedTest
  @EnumSource(VfioMode.class)
  void computes(VfioMode mode) {
    try (AssignedDevice assigned = AssignedDevice.open(kernel, mode, PciAddress.of(ADDRESS));
        EduDriver edu = new EduDriver(assigned.device())) {
      assertThat(edu.factorial(5)).isEqualTo(120);
      assertThat(edu.factorial(0)).isEqualTo(1);
      byte[] sent = {1, 2, 3, 4, 5};
      assertThat(edu.thereAndBack(assigned.dma(), sent)).isEqualTo(sent);
    }
  }
}
