// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.group.GroupStatus;
import org.vfio4j.group.IommuType;
import org.vfio4j.group.Type1Iommu;
import org.vfio4j.group.VfioContainer;
import org.vfio4j.group.VfioGroup;
import org.vfio4j.linux.MemoryLock;
import org.vfio4j.mdev.Mdev;
import org.vfio4j.mdev.MdevBus;
import org.vfio4j.memory.MappedMemory;

/** Mediated devices in containers: no IOMMU is behind them, until a device of hardware joins. */
@Tag("lab")
@Tag("mdev")
class MdevGroupTest {
  private static final int DMA_CC = 4;
  private static final long IOVA = 0x100_0000;
  private static final long PAGE = Memory.PAGE;

  private final MdevBus bus = MdevBus.of(Lab.KERNEL);
  private Mdev mdev;

  @BeforeEach
  void create() {
    mdev = bus.parent("mtty").type("mtty-1").create();
  }

  @AfterEach
  void remove() {
    mdev.remove();
    assertThat(bus.devices()).isEmpty();
  }

  private VfioGroup group() {
    return VfioGroup.of(Lab.KERNEL, mdev.sysfs());
  }

  private static long locked() {
    return MemoryLock.read(Lab.KERNEL).locked();
  }

  /** It is called as the ones without an IOMMU are, and is none of them. */
  @Test
  void theGroupThatIsMadeUp() {
    assertThat(mdev.sysfs().attribute("iommu_group/name")).contains("vfio-noiommu");
    try (VfioGroup group = group()) {
      assertThat(group.number()).isEqualTo(mdev.sysfs().iommuGroup().getAsInt());
      GroupStatus status = group.status();
      assertThat(status.viable()).isTrue();
      assertThat(status.containerSet()).isFalse();
      assertThat(group.members()).hasSize(1);
      assertThat(group.members().get(0).name()).isEqualTo(mdev.uuid().toString());
      VfioException taken = Refusal.of(Reason.IN_USE, Errno.EBUSY, this::group);
      assertThat(taken).hasMessageContaining("process " + ProcessHandle.current().pid());
    }
  }

  @Test
  void nothingIsPinnedForItAlone() {
    long before = locked();
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup group = group().join(container);
        Type1Iommu iommu = container.setIommu(IommuType.TYPE1_V2)) {
      assertThat(iommu.info().iovaRanges()).as("no such capability").isEmpty();
      assertThat(iommu.info().pageSizes()).as("all from 4 KiB on").isEqualTo(-PAGE);
      assertThat(container.checkExtension(DMA_CC)).as("nobody is against it").isEqualTo(1);
      // Nobody looks whether the process has what it maps, or where an IOMMU could not.
      iommu.map(Memory.NOWHERE, PAGE, IOVA, DmaAccess.READ_WRITE);
      iommu.map(Memory.NOWHERE, PAGE, 0xfee0_0000L, DmaAccess.READ_WRITE);
      Refusal.of(
          Reason.OVERLAP,
          Errno.EEXIST,
          () -> iommu.map(Memory.NOWHERE, PAGE, IOVA, DmaAccess.READ));
      assertThat(locked()).isEqualTo(before);
      try (VfioDevice device = group.device(mdev.uuid().toString())) {
        assertThat(device.config().vendorId()).isEqualTo(0x4348);
      }
      assertThat(iommu.unmap(IOVA, PAGE)).isEqualTo(PAGE);
      assertThat(iommu.unmapAll()).isEqualTo(PAGE);
    }
  }

  /** More than a bitmap of written pages can tell of: 2^31 and more. */
  @Test
  void moreThanCanBeTracked() {
    long most = ((1L << 31) - 1) * PAGE;
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup group = group().join(container);
        Type1Iommu iommu = container.setIommu(IommuType.TYPE1_V2)) {
      long available = iommu.info().dmaAvail().orElseThrow();
      iommu.map(Memory.NOWHERE, PAGE, 0, DmaAccess.READ_WRITE);
      iommu.map(Memory.NOWHERE, most + PAGE, IOVA, DmaAccess.READ_WRITE);
      Refusal.of(Reason.INVALID_ARGUMENT, Errno.EINVAL, iommu::startDirtyLogging);
      assertThat(group.status().containerSet()).isTrue();
      assertThat(iommu.unmap(IOVA, most + PAGE)).isEqualTo(most + PAGE);
      iommu.startDirtyLogging();
      Refusal.of(
          Reason.INVALID_ARGUMENT,
          Errno.EINVAL,
          () -> iommu.map(Memory.NOWHERE, most + PAGE, IOVA, DmaAccess.READ_WRITE));
      assertThat(iommu.info().dmaAvail()).hasValue(available - 1);
      iommu.map(Memory.NOWHERE, PAGE, IOVA, DmaAccess.READ_WRITE);
      iommu.stopDirtyLogging();
    }
  }

  /** What is mapped where the IOMMU of a device that joins must not, or does not reach. */
  @Test
  void hardwareThatCannotHaveWhatIsMapped() {
    MappedMemory memory = Memory.pages(1);
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup mediated = group().join(container);
        Type1Iommu iommu = container.setIommu(IommuType.TYPE1_V2)) {
      assertThat(mediated.status().containerSet()).isTrue();
      long window = 0xfee0_0000L;
      long beyond = 1L << 60;
      iommu.map(memory.address(), PAGE, window, DmaAccess.READ_WRITE);
      assertThat(joining(container)).isEqualTo(Errno.EINVAL);
      iommu.unmap(window, PAGE);
      iommu.map(memory.address(), PAGE, beyond, DmaAccess.READ_WRITE);
      assertThat(joining(container)).as("the first IOMMU").isEqualTo(Errno.EFAULT);
      iommu.unmap(beyond, PAGE);
      assertThat(joining(container)).isNull();
      iommu.map(memory.address(), PAGE, beyond, DmaAccess.READ_WRITE);
      assertThat(joining(container)).as("not the first one").isEqualTo(Errno.EFAULT);
      iommu.unmap(beyond, PAGE);
      iommu.map(memory.address(), PAGE, window, DmaAccess.READ_WRITE);
      assertThat(joining(container)).isEqualTo(Errno.EINVAL);
    } finally {
      Lab.KERNEL.munmap(memory);
    }
  }

  /** The errno that edu's group is refused with; null, and it has left, where it is not. */
  private static Errno joining(VfioContainer container) {
    VfioException refusal =
        catchThrowableOfType(
            VfioException.class,
            () -> VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.EDU)).join(container).close());
    return refusal == null ? null : refusal.errno().orElseThrow();
  }

  @Test
  void allIsPinnedOnceHardwareJoins() {
    long before = locked();
    MappedMemory memory = Memory.pages(4);
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup mediated = group().join(container);
        Type1Iommu iommu = container.setIommu(IommuType.TYPE1_V2)) {
      iommu.map(memory.address(), 4 * PAGE, IOVA, DmaAccess.READ_WRITE);
      iommu.map(Memory.NOWHERE, PAGE, 2 * IOVA, DmaAccess.READ);
      VfioException refusal =
          catchThrowableOfType(
              VfioException.class,
              () -> VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.EDU)).join(container));
      assertThat(refusal.errno()).contains(Errno.EFAULT);
      assertThat(locked()).as("all is undone").isEqualTo(before);
      assertThat(iommu.unmap(2 * IOVA, PAGE)).isEqualTo(PAGE);
      try (VfioGroup edu = VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.EDU)).join(container)) {
        assertThat(locked()).isEqualTo(before + 4 * PAGE);
        assertThat(iommu.info().iovaRanges().orElseThrow()).hasSize(2);
        assertThat(container.checkExtension(DMA_CC)).isZero();
        edu.leave();
        assertThat(locked()).isEqualTo(before);
        assertThat(iommu.info().iovaRanges()).as("all").contains(List.of(IovaRange.ALL));
      }
      assertThat(iommu.unmap(IOVA, 4 * PAGE)).as("still mapped").isEqualTo(4 * PAGE);
      assertThat(mediated.status().containerSet()).isTrue();
    } finally {
      Lab.KERNEL.munmap(memory);
    }
  }

  /** In the other order: what is mapped stays with the mediated device. */
  @Test
  void hardwareLeaves() {
    long before = locked();
    MappedMemory memory = Memory.pages(1);
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup edu = VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.EDU)).join(container);
        Type1Iommu iommu = container.setIommu(IommuType.TYPE1)) {
      try (VfioGroup mediated = group().join(container)) {
        iommu.map(memory.address(), PAGE, IOVA, DmaAccess.READ_WRITE);
        assertThat(locked()).isEqualTo(before + PAGE);
        edu.leave();
        assertThat(locked()).isEqualTo(before);
        assertThat(iommu.unmap(IOVA, PAGE)).isEqualTo(PAGE);
        for (long iova : List.of(IOVA, 0xfee0_0000L)) {
          iommu.map(memory.address(), PAGE, iova, DmaAccess.READ_WRITE);
        }
        assertThat(mediated.status().viable()).isTrue();
      }
    } finally {
      Lab.KERNEL.munmap(memory);
    }
  }
}
