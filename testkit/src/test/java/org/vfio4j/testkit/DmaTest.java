// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.VfioPci;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.dma.PageSize;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.testkit.device.DmaFault;
import org.vfio4j.testkit.device.EduModel;
import org.vfio4j.testkit.machine.KernelVersion;

/** What devices reach, and what is known of what they did not. */
class DmaTest {
  private static final String ADDRESS = "0000:00:05.0";
  private static final long IOVA = 0x10_0000;

  private final FakeKernel kernel =
      FakeKernel.of(
          KernelVersion.LINUX_6_12,
          machine -> machine.device(ADDRESS, new EduModel()).inGroup(1).boundTo("vfio-pci"));

  @ParameterizedTest
  @EnumSource(VfioMode.class)
  void faultsAreRecorded(VfioMode mode) {
    try (AssignedDevice edu = AssignedDevice.open(kernel, mode, PciAddress.of(ADDRESS));
        MappedRegion registers = edu.device().region(VfioPci.BAR0).map();
        DmaBuffer buffer =
            DmaBuffer.allocateAt(edu.dma(), IOVA, 4096, PageSize.NORMAL, DmaAccess.READ)) {
      transfer(registers, EduModel.BUFFER, IOVA, 16, 2);
      assertThat(kernel.dmaFaults()).as("no bus master").isEmpty();
      edu.device().config().enableBusMaster(true);
      transfer(registers, EduModel.BUFFER, IOVA + 8, 16, 2);
      transfer(registers, IOVA + 4088, EduModel.BUFFER, 16, 0);
      transfer(registers, IOVA + 4080, EduModel.BUFFER, 16, 0);
      assertThat(kernel.dmaFaults())
          .containsExactly(
              new DmaFault(ADDRESS, IOVA + 8, true, true),
              new DmaFault(ADDRESS, IOVA + 4096, false, false));
      assertThat(buffer.memory().getLongLe(8)).isZero();
    }
  }

  /** Pinned pages stay when the process unmaps its own view of them. */
  @ParameterizedTest
  @EnumSource(VfioMode.class)
  void pinnedMemoryStays(VfioMode mode) {
    MappedMemory memory = page();
    memory.putLongLe(0, 42);
    try (AssignedDevice edu = AssignedDevice.open(kernel, mode, PciAddress.of(ADDRESS));
        MappedRegion registers = edu.device().region(VfioPci.BAR0).map();
        DmaBuffer back = edu.dma().allocate(4096)) {
      edu.device().config().enableBusMaster(true);
      edu.dma().map(memory.address(), 4096, IOVA, DmaAccess.READ_WRITE);
      kernel.munmap(memory);
      transfer(registers, IOVA, EduModel.BUFFER, 8, 0);
      transfer(registers, EduModel.BUFFER, back.iova(), 8, 2);
      assertThat(back.memory().getLongLe(0)).isEqualTo(42);
      assertThat(edu.dma().unmap(IOVA, 4096)).isEqualTo(4096);
    }
  }

  /** A device has it, and the process has not. */
  @ParameterizedTest
  @EnumSource(VfioMode.class)
  void unmappedMemoryIsNotThere(VfioMode mode) {
    MappedMemory memory = page();
    MappedMemory other = page();
    try (AssignedDevice edu = AssignedDevice.open(kernel, mode, PciAddress.of(ADDRESS))) {
      edu.dma().map(memory.address(), 4096, IOVA, DmaAccess.READ_WRITE);
      kernel.munmap(memory);
      for (int i = 0; i < 2; i++) {
        assertThatThrownBy(
                () -> edu.dma().map(memory.address(), 4096, 2 * IOVA, DmaAccess.READ_WRITE))
            .isInstanceOfSatisfying(
                VfioException.class, e -> assertThat(e.errno()).contains(Errno.EFAULT));
        edu.dma().unmap(IOVA, 4096);
        edu.dma().map(other.address(), 4096, IOVA, DmaAccess.READ_WRITE);
      }
    }
  }

  /** What is a SIGBUS on the real kernel. */
  @ParameterizedTest
  @EnumSource(VfioMode.class)
  void aDeviceThatDoesNotDecodeDoesNotAnswer(VfioMode mode) {
    try (AssignedDevice edu = AssignedDevice.open(kernel, mode, PciAddress.of(ADDRESS));
        MappedRegion registers = edu.device().region(VfioPci.BAR0).map()) {
      edu.device().config().enableMemory(false);
      assertThatThrownBy(() -> registers.getIntLe(0))
          .isInstanceOfSatisfying(
              VfioException.class,
              e -> assertThat(e.reason()).isEqualTo(VfioException.Reason.DEVICE_FAULT));
      edu.device().config().enableMemory(true);
      assertThat(registers.getIntLe(0)).isEqualTo(0x010000ed);
    }
  }

  private MappedMemory page() {
    int protection = Linux.PROT_READ | Linux.PROT_WRITE;
    int flags = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS;
    return kernel.mmap(-1, 0, 4096, protection, flags).value();
  }

  private static void transfer(
      MappedRegion registers, long source, long destination, long count, long direction) {
    registers.putLongLe(0x80, source);
    registers.putLongLe(0x88, destination);
    registers.putLongLe(0x90, count);
    registers.putLongLe(0x98, 1 | direction);
  }
}
