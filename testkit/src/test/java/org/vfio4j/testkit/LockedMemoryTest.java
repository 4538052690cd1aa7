// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.iommufd.RlimitMode;
import org.vfio4j.linux.MemoryLock;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.testkit.device.EduModel;
import org.vfio4j.testkit.machine.KernelVersion;
import org.vfio4j.testkit.machine.Machine.Capability;

/** RLIMIT_MEMLOCK. */
class LockedMemoryTest {
  private static final long MIB = 1 << 20;

  private final FakeKernel kernel =
      FakeKernel.of(
          KernelVersion.LINUX_6_12,
          machine -> {
            machine.memlock(2 * MIB).without(Capability.CAP_IPC_LOCK);
            machine.device("0000:00:05.0", new EduModel()).inGroup(1).boundTo("vfio-pci");
          });

  @ParameterizedTest
  @EnumSource(VfioMode.class)
  void isCountedAndGivenBack(VfioMode mode) {
    try (AssignedDevice edu = AssignedDevice.open(kernel, mode, PciAddress.of("0000:00:05.0"));
        DmaBuffer first = edu.dma().allocate(MIB)) {
      MemoryLock lock = MemoryLock.read(kernel);
      assertThat(Math.max(lock.locked(), lock.pinned())).isEqualTo(MIB);
      assertThatThrownBy(() -> edu.dma().allocate(2 * MIB))
          .hasMessageContaining(
              "RLIMIT_MEMLOCK is 2 MiB, 1 MiB of it in use by this process, 2 MiB needed");
      first.close();
      edu.dma().allocate(2 * MIB).close();
    }
    MemoryLock after = MemoryLock.read(kernel);
    assertThat(after.locked()).isZero();
    assertThat(after.pinned()).isZero();
  }

  @Test
  void copiesCountOnce() {
    try (Iommufd iommufd = Iommufd.open(kernel)) {
      iommufd.setRlimitMode(RlimitMode.PER_PROCESS);
      try (AssignedDevice edu =
              AssignedDevice.open(kernel, VfioMode.IOMMUFD, PciAddress.of("0000:00:05.0"));
          DmaBuffer buffer = edu.dma().allocate(MIB)) {
        Ioas ioas = (Ioas) edu.dma();
        long copy = ioas.copy(ioas, buffer.iova() + 4096, 8192, DmaAccess.READ_WRITE);
        assertThat(MemoryLock.read(kernel).pinned()).isEqualTo(MIB);
        // The copy holds its two pages when the rest is gone.
        buffer.close();
        assertThat(MemoryLock.read(kernel).pinned()).isEqualTo(8192);
        ioas.unmap(copy, 8192);
        assertThat(MemoryLock.read(kernel).pinned()).isZero();
      }
    }
  }

  /** Without a device nothing is pinned, and so nothing is counted. */
  @Test
  void nothingIsPinnedWithoutADevice() {
    try (Iommufd iommufd = Iommufd.open(kernel);
        Ioas ioas = iommufd.allocateIoas();
        DmaBuffer large = ioas.allocate(16 * MIB)) {
      assertThat(large.size()).isEqualTo(16 * MIB);
      assertThat(MemoryLock.read(kernel).pinned()).isZero();
    }
  }
}
