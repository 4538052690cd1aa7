// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vfio4j.Errno;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.dma.PageSize;
import org.vfio4j.group.IommuType;
import org.vfio4j.group.Type1Iommu;
import org.vfio4j.group.VfioContainer;
import org.vfio4j.group.VfioGroup;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.iommufd.RlimitMode;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.MemoryLock;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.SysfsDevice;
import org.vfio4j.mdev.Mdev;
import org.vfio4j.mdev.MdevBus;
import org.vfio4j.testkit.device.EduModel;
import org.vfio4j.testkit.device.MttyDriver;
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

  /** What lies before a hole was pinned and counted when it is come to. */
  @Test
  void theLimitIsReachedBeforeAHole() {
    long end = endOfMemory(4 * MIB);
    try (AssignedDevice edu =
        AssignedDevice.open(kernel, VfioMode.VFIO_TYPE1V2_IOMMU, PciAddress.of("0000:00:05.0"))) {
      Refused.with(
          Errno.ENOMEM,
          () -> edu.dma().map(end - 2 * MIB - 4096, 2 * MIB + 8192, 0, DmaAccess.READ_WRITE));
      Refused.with(
          Errno.EFAULT,
          () -> edu.dma().map(end - 2 * MIB, 2 * MIB + 4096, 0, DmaAccess.READ_WRITE));
    }
  }

  /** In the order of the IOVAs: the limit is reached before what the IOMMU does not reach. */
  @Test
  void hardwareThatJoinsIsRefusedByTheFirstMapping() {
    kernel.addMediatedParent(MttyDriver.PARENT, new MttyDriver());
    Mdev mdev = MdevBus.of(kernel).parent("mtty").type("mtty-1").create();
    try (VfioContainer container = VfioContainer.open(kernel);
        VfioGroup mediated = VfioGroup.of(kernel, mdev.sysfs()).join(container);
        Type1Iommu iommu = container.setIommu(IommuType.TYPE1_V2);
        DmaBuffer large =
            DmaBuffer.allocateAt(iommu, 0, 4 * MIB, PageSize.NORMAL, DmaAccess.READ_WRITE)) {
      iommu.map(large.memory().address(), 4096, 1L << 60, DmaAccess.READ_WRITE);
      SysfsDevice edu = SysfsDevice.pci(kernel, PciAddress.of("0000:00:05.0"));
      Refused.with(Errno.ENOMEM, () -> VfioGroup.of(kernel, edu).join(container));
      iommu.unmap(0, 4 * MIB);
      Refused.with(Errno.EFAULT, () -> VfioGroup.of(kernel, edu).join(container));
      iommu.map(large.memory().address(), 4 * MIB, 0, DmaAccess.READ_WRITE);
      assertThat(mediated.isClosed()).isFalse();
    }
    mdev.remove();
  }

  /** Where memory that can be written ends, of which there is so much, and nothing follows. */
  private static long endOfMemory(long size) {
    String maps = new String(Kernel.host().readFile("/proc/self/maps").value(), US_ASCII);
    long start = 0;
    long end = 0;
    for (String line : maps.split("\n")) {
      String[] words = line.split("[- ]", 4);
      long next = Long.parseUnsignedLong(words[0], 16);
      boolean writable = words[2].startsWith("rw");
      if (end - start >= size && (next != end || !writable)) {
        return end;
      }
      start = writable && next == end ? start : next;
      end = writable ? Long.parseUnsignedLong(words[1], 16) : next;
    }
    throw new AssertionError(maps);
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
