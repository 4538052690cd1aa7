// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.device.Interrupts;
import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.VfioPci;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.testkit.device.EduModel;
import org.vfio4j.testkit.failure.FailingKernel;
import org.vfio4j.testkit.failure.Failure;
import org.vfio4j.testkit.failure.FailureSweep;
import org.vfio4j.testkit.failure.PortCall;
import org.vfio4j.testkit.machine.KernelVersion;

/** Calls that fail, one after another. */
class FailureSweepTest {
  private static final String ADDRESS = "0000:00:05.0";

  private static FakeKernel kernel() {
    return FakeKernel.of(
        KernelVersion.LINUX_6_12,
        machine -> machine.device(ADDRESS, new EduModel()).inGroup(1).boundTo("vfio-pci"));
  }

  private static void useTheDevice(Kernel kernel, VfioMode mode) {
    try (AssignedDevice edu = AssignedDevice.open(kernel, mode, PciAddress.of(ADDRESS));
        MappedRegion registers = edu.device().region(VfioPci.BAR0).map();
        Interrupts msi = edu.device().interrupts(VfioPci.MSI).enable(1);
        DmaBuffer buffer = edu.dma().allocate(4096)) {
      edu.device().config().enableBusMaster(true);
      registers.putIntLe(0x60, 1);
      assertThat(msi.await(0, Duration.ofSeconds(5))).isEqualTo(1);
      assertThat(buffer.iova()).isNotZero();
    }
  }

  /** The library itself. */
  @ParameterizedTest
  @EnumSource(VfioMode.class)
  void nothingIsLostWhateverFails(VfioMode mode) {
    FailureSweep sweep =
        FailureSweep.of(FailureSweepTest::kernel, kernel -> useTheDevice(kernel, mode));
    FailureSweep.Outcome outcome = sweep.calls();
    assertThat(outcome.runs()).isGreaterThan(20);
    assertThat(outcome.refused()).isGreaterThan(10);
    assertThat(outcome.refused() + outcome.tolerated()).isEqualTo(outcome.runs());
    assertThat(sweep.with(Errno.EINTR).calls().runs()).isEqualTo(outcome.runs());
    assertThat(sweep.allocations().runs()).isBetween(5, outcome.runs());
  }

  @Test
  void oneIoctl() {
    FailureSweep.Outcome outcome =
        FailureSweep.of(FailureSweepTest::kernel, kernel -> useTheDevice(kernel, VfioMode.IOMMUFD))
            .with(Errno.ENOSPC)
            .ioctls(IommufdUapi.IOMMU_IOAS_MAP);
    assertThat(outcome).isEqualTo(new FailureSweep.Outcome(1, 1, 0));
  }

  @Test
  void everyKindOfAllocation() {
    FailureSweep.Outcome outcome =
        FailureSweep.of(
                FailureSweepTest::kernel,
                kernel -> {
                  try (Iommufd iommufd = Iommufd.open(kernel)) {
                    iommufd.allocateFaultQueue().close();
                  }
                })
            .allocations();
    assertThat(outcome).as("the file and the queue").isEqualTo(new FailureSweep.Outcome(2, 2, 0));
  }

  @Test
  void aLeakIsShownWithItsPlace() {
    assertThatThrownBy(
            () ->
                FailureSweep.of(
                        FailureSweepTest::kernel,
                        kernel -> {
                          int fd = kernel.open("/dev/iommu", Linux.O_RDWR);
                          if (fd < 0 || kernel.eventfd(0, 0) < 0) {
                            return;
                          }
                          kernel.close(fd + 1);
                          kernel.close(fd);
                        })
                    .calls())
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("1 of 4 runs went wrong")
        .hasMessageContaining("with [eventfd] failing (call 2): it left DESCRIPTOR: fd 3")
        .satisfies(
            error ->
                assertThat(error.getSuppressed()[0].getSuppressed()[0].getStackTrace())
                    .anyMatch(frame -> frame.getClassName().equals(getClass().getName())));
  }

  /** What the mapping keeps alive may stay; what its owner forgets on the way may not. */
  @ParameterizedTest
  @EnumSource(VfioMode.class)
  void aCloseThatStopsAtAMunmapIsFound(VfioMode mode) {
    FailureSweep sweep =
        FailureSweep.of(
            FailureSweepTest::kernel,
            kernel -> {
              AssignedDevice edu = AssignedDevice.open(kernel, mode, PciAddress.of(ADDRESS));
              MappedRegion registers;
              try {
                registers = edu.device().region(VfioPci.BAR0).map();
              } catch (VfioException e) {
                edu.close();
                throw e;
              }
              registers.close();
              edu.close();
            });
    assertThatThrownBy(sweep::calls)
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("1 of ")
        .hasMessageContaining("with [munmap] failing")
        .hasMessageContaining("it left DESCRIPTOR: fd ");
  }

  /** Only the memory whose unmap failed. */
  @ParameterizedTest
  @EnumSource(VfioMode.class)
  void aCloseThatStopsAtAnUnmapIsFound(VfioMode mode) {
    FailureSweep sweep =
        FailureSweep.of(
            FailureSweepTest::kernel,
            kernel -> {
              MappedRegion registers = null;
              try (AssignedDevice edu = AssignedDevice.open(kernel, mode, PciAddress.of(ADDRESS))) {
                DmaBuffer buffer = edu.dma().allocate(4096);
                try {
                  registers = edu.device().region(VfioPci.BAR0).map();
                } finally {
                  buffer.close();
                }
                registers.close();
              }
            });
    assertThatThrownBy(sweep::calls)
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("1 of ")
        .hasMessageContaining("it left MAPPING: BAR 0")
        .satisfies(e -> assertThat(e.getMessage()).doesNotContain("anonymous memory"));
  }

  @Test
  void anotherExceptionIsShown() {
    FailureSweep sweep =
        FailureSweep.of(
            FailureSweepTest::kernel,
            kernel -> assertThat(kernel.readFile("/proc/self/status").value().length).isPositive());
    assertThatThrownBy(sweep::calls)
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("[read_file /proc/self/status]")
        .hasMessageContaining("NullPointerException");
  }

  @Test
  void aHangIsShown() {
    FailureSweep sweep =
        FailureSweep.of(
                FailureSweepTest::kernel,
                kernel -> {
                  while (kernel.close(kernel.eventfd(0, 0)) < 0) {
                    Thread.sleep(1000);
                  }
                })
            .within(Duration.ofMillis(200));
    assertThatThrownBy(sweep::calls)
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("it hangs")
        .satisfies(
            error ->
                assertThat(error.getSuppressed()[0].getSuppressed()[0].getStackTrace())
                    .anyMatch(frame -> frame.getClassName().equals(getClass().getName())));
  }

  @Test
  void chosenCalls() {
    FailingKernel kernel =
        FailingKernel.over(
            kernel(),
            Failure.of(PortCall.EVENTFD, 2).with(Errno.ENFILE),
            Failure.ofPath("/dev/iommu", 1).andAllLater());
    assertThat(kernel.eventfd(0, 0)).isEqualTo(3);
    assertThat(kernel.eventfd(0, 0)).isEqualTo(Errno.ENFILE.result());
    assertThat(kernel.eventfd(0, 0)).isEqualTo(4);
    assertThatThrownBy(() -> Iommufd.open(kernel)).isInstanceOf(VfioException.class);
    assertThatThrownBy(() -> Iommufd.open(kernel))
        .isInstanceOfSatisfying(
            VfioException.class, e -> assertThat(e.errno()).contains(Errno.EMFILE));
    assertThat(kernel.failed())
        .extracting(Object::toString)
        .containsExactly("eventfd", "open /dev/iommu", "open /dev/iommu");
    assertThat(Failure.ofIoctl(IommufdUapi.IOMMU_IOAS_MAP, 3).with(Errno.ENOSPC))
        .hasToString("IOMMU_IOAS_MAP 3: ENOSPC");
  }
}
