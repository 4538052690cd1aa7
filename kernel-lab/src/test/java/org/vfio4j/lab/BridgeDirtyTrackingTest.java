// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.lab.Memory.PAGE;

import org.junit.jupiter.api.Test;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.AssignmentPolicy;
import org.vfio4j.bridge.CompatBridge;
import org.vfio4j.bridge.DeviceCall;
import org.vfio4j.bridge.LegacyCall;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.dma.DirtyBitmap;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.group.Type1Iommu;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.SysfsDevice;
import org.vfio4j.mdev.Mdev;
import org.vfio4j.mdev.MdevBus;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.machine.KernelVersion;

/**
 * Dirty page logging of a bridged container where the IOMMU tracks: exactly what was written is
 * told. On the fake, since no IOMMU that QEMU 7.2 emulates does; without one, every page that is
 * mapped is dirty, on the real kernel too: {@link DirtyPagesTest}.
 */
class BridgeDirtyTrackingTest {
  private static final long IOVA = 0x10_0000;

  private final FakeKernel fake =
      FakeKernel.of(
          KernelVersion.LINUX_6_12,
          machine -> {
            LabKernels.standard(machine);
            machine.iommu().dirtyTracking();
          });
  private final CompatBridge bridge = CompatBridge.over(fake, AssignmentPolicy.STAGE_1);
  private final MappedMemory memory = pages(fake, 70);

  private static MappedMemory pages(Kernel kernel, int count) {
    int both = Linux.PROT_READ | Linux.PROT_WRITE;
    int flags = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS;
    return kernel.mmap(-1, 0, count * PAGE, both, flags).value();
  }

  private interface Scenario {
    void run(AssignedDevice edu, Type1Iommu space, DmaProbe probe);
  }

  /** With pages 3 to 5 and 9 to 78 mapped, so that there are holes before, between and behind. */
  private void withTwoMappings(Scenario scenario) {
    try (AssignedDevice edu = AssignedDevice.open(bridge, VfioMode.BRIDGE_TYPE1V2, Lab.EDU);
        DmaProbe probe = new DmaProbe(edu)) {
      Type1Iommu space = (Type1Iommu) edu.dma();
      space.map(memory.address(), 3 * PAGE, page(3), DmaAccess.READ_WRITE);
      space.map(memory.address(), 70 * PAGE, page(9), DmaAccess.READ_WRITE);
      scenario.run(edu, space, probe);
    }
  }

  private static long page(int number) {
    return IOVA + number * PAGE;
  }

  private static IovaRange only(int number) {
    return new IovaRange(page(number), page(number + 1) - 1);
  }

  private static DirtyBitmap whole() {
    return new DirtyBitmap(IOVA, 128 * PAGE, PAGE);
  }

  @Test
  void exactlyWhatWasWrittenIsTold() {
    withTwoMappings(
        (edu, space, probe) -> {
          probe.write(page(4));
          space.startDirtyLogging();
          DirtyBitmap dirty = whole();
          space.readDirty(dirty);
          assertThat(dirty.ranges()).as("before the start").isEmpty();
          probe.write(page(5));
          probe.write(page(9));
          probe.write(page(70));
          probe.write(page(78));
          space.readDirty(dirty);
          assertThat(dirty.ranges()).containsExactly(only(5), only(9), only(70), only(78));
          dirty.clear();
          space.readDirty(dirty);
          assertThat(dirty.ranges()).as("told once").isEmpty();
          space.stopDirtyLogging();
          assertThat(bridge.migrationReport().count(LegacyCall.DIRTY_PAGES_START)).isEqualTo(1);
          assertThat(
                  bridge
                      .migrationReport()
                      .count(
                          LegacyCall.DIRTY_PAGES_START, DeviceCall.IOMMU_HWPT_SET_DIRTY_TRACKING))
              .isEqualTo(1);
        });
  }

  /** Bits of the caller stay in words that hold none of a mapping, as type1 has it. */
  @Test
  void bitsBeyondTheMappingsAreTheCallers() {
    withTwoMappings(
        (edu, space, probe) -> {
          space.startDirtyLogging();
          probe.write(page(3));
          DirtyBitmap dirty = new DirtyBitmap(IOVA, 256 * PAGE, PAGE);
          for (int word = 0; word < 4; word++) {
            dirty.words().putLong(word * Long.BYTES, 1L << 63);
          }
          space.readDirty(dirty);
          // The first word begins before its mappings, and so keeps what it has.
          assertThat(dirty.words().getLong(0)).isEqualTo(1L << 63 | 1 << 3);
          assertThat(dirty.words().getLong(Long.BYTES)).isZero();
          assertThat(dirty.words().getLong(2 * Long.BYTES)).isEqualTo(1L << 63);
          assertThat(dirty.words().getLong(3 * Long.BYTES)).isEqualTo(1L << 63);
        });
  }

  @Test
  void anUnmapTellsWhatWasWritten() {
    withTwoMappings(
        (edu, space, probe) -> {
          space.startDirtyLogging();
          probe.write(page(11));
          DirtyBitmap dirty = whole();
          assertThat(space.unmap(dirty)).isEqualTo(73 * PAGE);
          assertThat(dirty.ranges()).containsExactly(only(11));
        });
  }

  /** The page tables stay while a device is closed, and so does what they have noted. */
  @Test
  void whatAClosedDeviceWroteIsToldAfterwards() {
    try (RawContainer raw = new RawContainer(bridge, VfioMode.BRIDGE_TYPE1V2, Lab.EDU)) {
      raw.ready();
      RawContainer.must(raw.map(memory.address(), IOVA, PAGE));
      RawContainer.must(raw.dirtyPages(1));
      raw.close(raw.device());
      raw.close(raw.device());
      assertThat(raw.bitmap(IOVA, 1)).isEqualTo("0, 0x0");
    }
  }

  /** What the drivers of mediated devices write no IOMMU sees: then all that is mapped is dirty. */
  @Test
  void besideAMediatedDeviceEverythingIsDirty() {
    MdevBus bus = MdevBus.of(fake);
    Mdev mdev = bus.parent("mtty").type("mtty-1").create();
    withTwoMappings(
        (edu, space, probe) -> {
          space.startDirtyLogging();
          DirtyBitmap dirty = whole();
          SysfsDevice mediated = SysfsDevice.at(bridge, mdev.sysfs().path());
          try (AssignedDevice beside = edu.openBeside(mediated, DeviceCookie.of(2))) {
            assertThat(beside.device().info().numRegions()).isPositive();
            space.readDirty(dirty);
            assertThat(dirty.countDirty()).isEqualTo(73);
          }
        });
    mdev.remove();
  }
}
