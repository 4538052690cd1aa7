// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.examples.edu;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.vfio4j.Errno;
import org.vfio4j.bridge.AssignmentPolicy;
import org.vfio4j.bridge.CompatBridge;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.SysfsDevice;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.device.EduModel;
import org.vfio4j.testkit.failure.FailureSweep;
import org.vfio4j.testkit.machine.KernelVersion;

/**
 * Every call of the demo and of the examples, failing in turn: always the one exception, never a
 * leak, never a hang.
 */
class FailureTest {
  private static final String ADDRESS = "0000:00:05.0";

  private static FakeKernel kernel() {
    return FakeKernel.of(
        KernelVersion.LINUX_6_12,
        machine -> machine.device(ADDRESS, new EduModel()).inGroup(1).boundTo("vfio-pci"));
  }

  private static void demo(Kernel below, VfioMode mode) {
    Kernel kernel = mode.isBridged() ? CompatBridge.over(below, AssignmentPolicy.STAGE_1) : below;
    ModeReport report = Demo.drive(kernel, SysfsDevice.pci(kernel, PciAddress.of(ADDRESS)), mode);
    if (report.failure() != null) {
      throw report.failure();
    }
  }

  @ParameterizedTest
  @EnumSource(VfioMode.class)
  void theDemo(VfioMode mode) {
    FailureSweep sweep = FailureSweep.of(FailureTest::kernel, kernel -> demo(kernel, mode));
    assertThat(sweep.calls().refused()).isGreaterThan(30);
    sweep.with(Errno.EINTR).calls();
    sweep.with(Errno.ENODEV).calls();
  }

  @ParameterizedTest
  @CsvSource({"ENOMEM", "EINTR", "EIO"})
  void deviceCentric(Errno errno) {
    FailureSweep sweep =
        FailureSweep.of(FailureTest::kernel, kernel -> DeviceCentric.run(kernel, ADDRESS));
    assertThat(sweep.with(errno).calls().runs()).isGreaterThan(30);
  }

  @ParameterizedTest
  @CsvSource({"ENOMEM", "EINTR", "EIO"})
  void groupCentric(Errno errno) {
    FailureSweep sweep =
        FailureSweep.of(FailureTest::kernel, kernel -> GroupCentric.run(kernel, ADDRESS));
    assertThat(sweep.with(errno).calls().runs()).isGreaterThan(30);
  }

  @Test
  void withTheErrnoThatIsUsual() {
    FailureSweep.of(FailureTest::kernel, kernel -> DeviceCentric.run(kernel, ADDRESS)).calls();
    FailureSweep.of(FailureTest::kernel, kernel -> GroupCentric.run(kernel, ADDRESS)).calls();
  }
}
