// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.PciConfigSpace;
import org.vfio4j.device.Region;
import org.vfio4j.device.RegionInfo;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.VfioPci;
import org.vfio4j.linux.PciDriver;
import org.vfio4j.memory.NativeBlock;

/** Regions by system calls and by mapping. */
class RegionTest {
  private static final int MIB = 1 << 20;

  /** The table of MSI-X of {@code nvme}, with 65 vectors. */
  private static final int NVME_TABLE = 0x2000;

  private static final int NVME_TABLE_END = NVME_TABLE + 65 * 16;

  @EveryGroupMode
  void regionsOfEdu(VfioMode mode) {
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU)) {
      VfioDevice edu = assigned.device();
      assertThat(edu.info().numRegions()).isEqualTo(9);
      RegionInfo bar = edu.region(VfioPci.BAR0).info();
      assertThat(bar.size()).isEqualTo(MIB);
      assertThat(bar.flags())
          .containsExactlyInAnyOrder(
              RegionInfo.Flag.READ, RegionInfo.Flag.WRITE, RegionInfo.Flag.MMAP);
      assertThat(bar.mappableAreas()).containsExactly(new RegionInfo.Area(0, MIB));
      assertThat(bar.msixMappable()).isFalse();
      for (int index = VfioPci.BAR1; index <= VfioPci.ROM; index++) {
        assertThat(edu.region(index).info().isPresent()).isFalse();
      }
      RegionInfo config = edu.region(VfioPci.CONFIG).info();
      assertThat(config.size()).isEqualTo(256);
      assertThat(config.flags())
          .containsExactlyInAnyOrder(RegionInfo.Flag.READ, RegionInfo.Flag.WRITE);

      VfioException vga = Refusal.of(Reason.NOT_SUPPORTED, () -> edu.region(VfioPci.VGA));
      assertThat(vga).hasMessageContaining("VGA of 0000:00:05.0");
      VfioException nine = Refusal.of(Reason.INVALID_ARGUMENT, () -> edu.region(9));
      assertThat(nine).hasMessageContaining("region 9").hasMessageContaining("has 9");
      Refusal.of(Reason.INVALID_ARGUMENT, () -> edu.region(-1));
    }
  }

  @EveryGroupMode
  void regionsOfNvme(VfioMode mode) {
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.NVME)) {
      VfioDevice nvme = assigned.device();
      RegionInfo bar = nvme.region(VfioPci.BAR0).info();
      assertThat(bar.size()).isEqualTo(16 * 1024);
      assertThat(bar.msixMappable()).isTrue();
      assertThat(bar.mappableAreas()).containsExactly(new RegionInfo.Area(0, 16 * 1024));
      assertThat(nvme.region(VfioPci.BAR1).info().isPresent()).as("the upper half").isFalse();
      assertThat(nvme.region(VfioPci.CONFIG).size()).isEqualTo(4096);
    }
  }

  @EveryGroupMode
  void mappedAndBySystemCallAreTheSameRegisters(VfioMode mode) {
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.NVME)) {
      Region bar = assigned.device().region(VfioPci.BAR0);
      try (MappedRegion mapped = bar.map()) {
        // CAP and VS.
        for (int offset = 0; offset <= 8; offset += 4) {
          assertThat(mapped.getIntLe(offset)).isEqualTo(bar.getIntLe(offset));
          assertThat(mapped.getShortLe(offset)).isEqualTo(bar.getShortLe(offset));
        }
        assertThat(mapped.getLongLe(0)).isEqualTo(bar.getLongLe(0)).isNotZero();
        // AQA, which can be written while the controller is off, both ways round.
        mapped.putIntLe(0x24, 0x001f001f);
        assertThat(bar.getIntLe(0x24)).isEqualTo(0x001f001f);
        bar.putIntLe(0x24, 0x000f000f);
        assertThat(mapped.getIntLe(0x24)).isEqualTo(0x000f000f);
        // ASQ, 64 bits in one access or two.
        mapped.putLongLe(0x28, 0x1234567890000L);
        assertThat(bar.getLongLe(0x28)).isEqualTo(0x1234567890000L);
        assertThat(bar.getIntLe(0x2c)).isEqualTo(0x12345);
        byte[] read = new byte[16];
        bar.read(0x24, read, 2, 12);
        byte[] copied = new byte[16];
        mapped.read(0x24, copied, 2, 12);
        assertThat(read).isEqualTo(copied);
        assertThat(read).startsWith(0, 0, 0x0f, 0, 0x0f, 0).endsWith(0, 0);
      }
    }
  }

  /** A device whose registers take any width; it has no driver when the lab starts. */
  @EveryGroupMode
  void widths(VfioMode mode) {
    PciDriver.bind(Lab.KERNEL, Lab.TESTDEV, PciDriver.VFIO_PCI);
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.TESTDEV)) {
      Region memory = assigned.device().region(VfioPci.BAR0);
      Region ports = assigned.device().region(VfioPci.BAR1);
      assertThat(memory.size()).isEqualTo(4096);
      assertThat(ports.size()).isEqualTo(256);
      assertThat(ports.info().mappableAreas()).isEmpty();
      VfioException unmappable = Refusal.of(Reason.NOT_SUPPORTED, ports::map);
      assertThat(unmappable).hasMessageContaining("BAR1 of 0000:00:07.0");
      Refusal.of(Reason.NOT_SUPPORTED, () -> assigned.device().interrupts(VfioPci.MSI).enable(1));

      int name = 16;
      ports.putByte(0, (byte) 0);
      byte[] read = new byte[6];
      ports.read(name, read, 0, read.length);
      assertThat(new String(read, StandardCharsets.US_ASCII)).isEqualTo("portio");
      memory.putByte(0, (byte) 0);
      memory.read(name, read, 0, 5);
      assertThat(new String(read, 0, 5, StandardCharsets.US_ASCII)).isEqualTo("mmio-");
      try (MappedRegion mapped = memory.map()) {
        assertThat(mapped.getByte(name + 1)).isEqualTo((byte) 'm');
        assertThat(mapped.getShortLe(name)).isEqualTo((short) ('m' << 8 | 'm'));
        assertThat(mapped.getIntLe(name)).isEqualTo('o' << 24 | 'i' << 16 | 'm' << 8 | 'm');
        assertThat(mapped.getLongLe(name)).isEqualTo(memory.getLongLe(name));
        for (Region region : new Region[] {memory, ports}) {
          assertThat(region.getByte(name + 1)).isIn((byte) 'm', (byte) 'o');
          assertThat(region.getShortLe(name))
              .isEqualTo((short) (region.getByte(name) | region.getByte(name + 1) << 8));
          assertThat(region.getIntLe(name))
              .isEqualTo(region.getShortLe(name) | region.getShortLe(name + 2) << 16);
          assertThat((int) region.getLongLe(name)).isEqualTo(region.getIntLe(name));
          assertThat((int) (region.getLongLe(name) >>> 32)).isEqualTo(region.getIntLe(name + 4));
        }
      }
    } finally {
      PciDriver.restore(Lab.KERNEL, Lab.TESTDEV);
    }
    assertThat(Lab.sysfs(Lab.TESTDEV).driver()).isEmpty();
  }

  @EveryGroupMode
  void whatIsOutOfBounds(VfioMode mode) {
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU)) {
      Region bar = assigned.device().region(VfioPci.BAR0);
      byte[] bytes = new byte[8];
      for (long offset : new long[] {-4, MIB, MIB + 4L, Long.MAX_VALUE - 3, 1L << 40}) {
        refusedWithRegionAndSize(() -> bar.getIntLe(offset));
        refusedWithRegionAndSize(() -> bar.putIntLe(offset, 1));
        refusedWithRegionAndSize(() -> bar.read(offset, bytes, 0, 8));
        refusedWithRegionAndSize(() -> bar.write(offset, bytes, 0, 8));
      }
      refusedWithRegionAndSize(() -> bar.getLongLe(MIB - 4));
      refusedWithRegionAndSize(() -> bar.read(MIB - 4, bytes, 0, 8));
      unaligned(() -> bar.getIntLe(2));
      unaligned(() -> bar.putLongLe(4, 1));
      unaligned(() -> bar.putShortLe(1, (short) 1));
      try (MappedRegion mapped = bar.map()) {
        for (long offset : new long[] {-4, MIB, Long.MAX_VALUE - 3, 1L << 40}) {
          refusedWithRegionAndSize(() -> mapped.getIntLe(offset));
          refusedWithRegionAndSize(() -> mapped.putIntLe(offset, 1));
          refusedWithRegionAndSize(() -> mapped.read(offset, bytes, 0, 8));
          refusedWithRegionAndSize(() -> mapped.write(offset, bytes, 0, 8));
        }
        refusedWithRegionAndSize(() -> mapped.getLongLe(MIB - 4));
        unaligned(() -> mapped.getIntLe(2));
        unaligned(() -> mapped.putLongLe(4, 1));
        unaligned(() -> mapped.putShortLe(1, (short) 1));
        assertThat(mapped.getIntLe(Edu.IDENTIFICATION)).isEqualTo(Edu.IDENTITY);
      }
      PciConfigSpace config = assigned.device().config();
      VfioException beyond = Refusal.of(Reason.INVALID_ARGUMENT, () -> config.read32(256));
      assertThat(beyond)
          .hasMessageContaining("CONFIG of 0000:00:05.0")
          .hasMessageContaining("256 bytes");
      Refusal.of(Reason.INVALID_ARGUMENT, () -> config.read16(1));
      Refusal.of(Reason.INVALID_ARGUMENT, () -> config.write8(-1, 0));
    }
  }

  @EveryGroupMode
  void whatIsNotThere(VfioMode mode) {
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU)) {
      VfioDevice edu = assigned.device();
      Region absent = edu.region(VfioPci.BAR2);
      assertThat(absent.size()).isZero();
      for (VfioException refusal :
          new VfioException[] {
            Refusal.of(Reason.NOT_SUPPORTED, () -> absent.getIntLe(0)),
            Refusal.of(Reason.NOT_SUPPORTED, () -> absent.putIntLe(0, 1)),
            Refusal.of(Reason.NOT_SUPPORTED, absent::map)
          }) {
        assertThat(refusal)
            .hasMessageContaining("BAR2 of 0000:00:05.0")
            .hasMessageContaining("does not have it");
      }
      Refusal.of(Reason.NOT_SUPPORTED, () -> edu.region(VfioPci.ROM).getByte(0));
      VfioException config =
          Refusal.of(Reason.NOT_SUPPORTED, () -> edu.region(VfioPci.CONFIG).map());
      assertThat(config).hasMessageContaining("cannot be mapped");
    }
  }

  /** By system calls this is an error, not a signal: {@link SigbusTest} has the other half. */
  @EveryGroupMode
  void memoryDecodingOff(VfioMode mode) {
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU)) {
      Region bar = assigned.device().region(VfioPci.BAR0);
      PciConfigSpace config = assigned.device().config();
      config.enableMemory(false);
      for (VfioException refusal :
          new VfioException[] {
            Refusal.of(Reason.DEVICE_FAULT, () -> bar.getIntLe(0)),
            Refusal.of(Reason.DEVICE_FAULT, () -> bar.putIntLe(Edu.LIVENESS, 1)),
            Refusal.of(Reason.DEVICE_FAULT, () -> bar.read(0, new byte[8], 0, 8))
          }) {
        assertThat(refusal.errno()).contains(Errno.EIO);
        assertThat(refusal.hint()).contains("enableMemory");
      }
      config.enableMemory(true);
      assertThat(bar.getIntLe(0)).isEqualTo(Edu.IDENTITY);
    }
  }

  /** There is no access that could fail: the table of MSI-X is hidden in any case. */
  @EveryGroupMode
  void theTableOfMsixWithMemoryDecodingOff(VfioMode mode) {
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.NVME)) {
      assigned.device().config().enableMemory(false);
      Region bar = assigned.device().region(VfioPci.BAR0);
      assertThat(bar.getIntLe(NVME_TABLE)).isEqualTo(-1);
      bar.putIntLe(NVME_TABLE, 1);
      byte[] end = new byte[8];
      bar.read(NVME_TABLE_END - end.length, end, 0, end.length);
      assertThat(end).containsOnly(0xff);
      byte[] around = new byte[16];
      for (int start : new int[] {NVME_TABLE - 8, NVME_TABLE_END - 8}) {
        VfioException refusal =
            Refusal.of(Reason.DEVICE_FAULT, () -> bar.read(start, around, 0, around.length));
        assertThat(refusal.errno()).contains(Errno.EIO);
      }
    }
  }

  /** Nothing can be read and written anywhere. */
  @EveryGroupMode
  void nothingOfWhatIsNotThere(VfioMode mode) {
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU)) {
      int fd = assigned.device().fd();
      NativeBlock none = new NativeBlock(1);
      // A BAR's end, BAR 2, VGA, and a region far behind the last.
      for (long offset : new long[] {MIB, 2L << 40, 8L << 40, 9L << 40, 1000L << 40}) {
        assertThat(Lab.KERNEL.pread(fd, none, 0, offset)).isZero();
        assertThat(Lab.KERNEL.pwrite(fd, none, 0, offset)).isZero();
        assertThat(Lab.KERNEL.pread(fd, none, 1, offset)).isEqualTo(Errno.EINVAL.result());
      }
    }
  }

  private static void refusedWithRegionAndSize(Runnable access) {
    assertThat(Refusal.of(Reason.INVALID_ARGUMENT, access::run))
        .hasMessageContaining("BAR0 of 0000:00:05.0")
        .hasMessageContaining("1 MiB");
  }

  private static void unaligned(Runnable access) {
    assertThat(Refusal.of(Reason.INVALID_ARGUMENT, access::run))
        .hasMessageContaining("BAR0 of 0000:00:05.0")
        .hasMessageContaining("not a multiple");
  }
}
