// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.mockito.ArgumentMatchers.anyInt;
import static org.mockito.ArgumentMatchers.anyLong;
import static org.mockito.Mockito.doReturn;
import static org.mockito.Mockito.verify;

import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.Result;

class VfioDeviceTest {
  private static final int MMAP = 7;

  private final StubDevice stub = new StubDevice();
  private final VfioDevice device = stub.open();

  @AfterEach
  void close() {
    device.close();
  }

  static void refused(Reason reason, String text, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(VfioException.class, e -> assertThat(e.reason()).isEqualTo(reason))
        .hasMessageContaining(text);
  }

  @Test
  void says() {
    assertThat(device.info().flags()).containsExactly(DeviceInfo.Flag.RESET, DeviceInfo.Flag.PCI);
    assertThat(device.info().numRegions()).isEqualTo(9);
    assertThat(device.info().numIrqs()).isEqualTo(5);
    assertThat(device.info()).hasToString("flags [RESET, PCI], 9 regions, 5 irq indexes");
  }

  @Test
  void anUnboundDeviceIsToldToBeBound() {
    stub.ioctls.put(VfioDeviceUapi.VFIO_DEVICE_GET_INFO, info -> Errno.EINVAL.result());

    refused(Reason.WRONG_STATE, "bind it to an iommufd first", device::info);
    refused(Reason.WRONG_STATE, "0000:00:05.0", () -> device.region(0));
    refused(Reason.WRONG_STATE, "bind", () -> device.interrupts(0));
    refused(Reason.WRONG_STATE, "bind", device::config);
    refused(Reason.WRONG_STATE, "bind", device::reset);
  }

  @Test
  void anotherFileIsNoDevice() {
    stub.ioctls.clear();

    refused(Reason.NOT_IN_KERNEL, "not a VFIO device file", device::info);
  }

  @Test
  void indexesThatTheDeviceDoesNotHave() {
    refused(Reason.INVALID_ARGUMENT, "the device has 9", () -> device.region(9));
    refused(Reason.INVALID_ARGUMENT, "region -1", () -> device.region(-1));
    refused(Reason.INVALID_ARGUMENT, "the device has 5", () -> device.interrupts(5));
    stub.ioctls.put(VfioDeviceUapi.VFIO_DEVICE_GET_REGION_INFO, i -> Errno.EINVAL.result());
    stub.ioctls.put(VfioDeviceUapi.VFIO_DEVICE_GET_IRQ_INFO, i -> Errno.EINVAL.result());
    refused(Reason.NOT_SUPPORTED, "VGA of 0000:00:05.0", () -> device.region(VfioPci.VGA));
    refused(Reason.NOT_SUPPORTED, "ERR of 0000:00:05.0", () -> device.interrupts(VfioPci.ERR));
  }

  @Test
  void regionOfTheWholeChain() {
    stub.regions.put(9 - 1, new byte[0x8000]);
    stub.regionFlags = MMAP;
    stub.regionCaps =
        StubDevice.words(
            // MSIX_MAPPABLE, TYPE, SPARSE_MMAP with areas out of order and an empty one
            0x10003,
            40,
            0x10002,
            56,
            0x80001234,
            5,
            0x10001,
            0,
            3,
            0,
            0x4000,
            0,
            0x1000,
            0,
            0x1000,
            0,
            0x2000,
            0,
            0,
            0,
            0,
            0);
    RegionInfo info = device.region(8).info();

    assertThat(info.flags())
        .containsExactly(
            RegionInfo.Flag.READ,
            RegionInfo.Flag.WRITE,
            RegionInfo.Flag.MMAP,
            RegionInfo.Flag.CAPS);
    assertThat(info.msixMappable()).isTrue();
    assertThat(info.type()).contains(new RegionInfo.Type(0x80001234, 5));
    assertThat(info.mappableAreas())
        .containsExactly(new RegionInfo.Area(0x1000, 0x2000), new RegionInfo.Area(0x4000, 0x1000));
    assertThat(info.offset()).isEqualTo(8L << StubDevice.REGION_SHIFT);
    assertThat(info.capabilities().all()).hasSize(3);
  }

  @Test
  void areasThatCannotBeAreErrors() {
    stub.regions.put(0, new byte[0x2000]);
    stub.regionFlags = MMAP;
    for (int[] area :
        new int[][] {
          {1, 0x1000, 0, 0x2000, 0}, // longer than the region
          {1, 0, -1, 0x1000, 0}, // negative offset
          {1, 0x1000, 0, 0, -1}, // negative size
          {2, 0, 0, 0x1000, 0}, // fewer than it says
          {-1, 0, 0, 0x1000, 0}
        }) {
      stub.regionCaps =
          StubDevice.words(0x10001, 0, area[0], 0, area[1], area[2], area[3], area[4]);
      refused(Reason.OTHER, "malformed", () -> device.region(0));
    }
    stub.regionCaps =
        StubDevice.words(0x10001, 0, 2, 0, 0, 0, 0x1000, 0, 0x800, 0, 0x1000, 0); // overlap
    refused(Reason.OTHER, "malformed", () -> device.region(0));
  }

  @Test
  void aRegionByReadAndWrite() {
    stub.regions.put(0, new byte[0x2000]);
    Region region = device.region(VfioPci.BAR0);

    region.putLongLe(8, 0x1122334455667788L);
    assertThat(region.getLongLe(8)).isEqualTo(0x1122334455667788L);
    assertThat(region.getIntLe(8)).isEqualTo(0x55667788);
    assertThat(region.getShortLe(10)).isEqualTo((short) 0x5566);
    assertThat(region.getByte(15)).isEqualTo((byte) 0x11);
    region.putIntLe(8, 1);
    region.putShortLe(12, (short) 2);
    region.putByte(14, (byte) 3);
    assertThat(region.getLongLe(8)).isEqualTo(0x1103000200000001L);
    assertThat(stub.calls)
        .containsExactly(
            "pwrite 8",
            "pread 8",
            "pread 4",
            "pread 2",
            "pread 1",
            "pwrite 4",
            "pwrite 2",
            "pwrite 1",
            "pread 8");

    stub.calls.clear();
    byte[] bytes = new byte[0x2000];
    bytes[0x1001] = 42;
    region.write(1, bytes, 0x1000, 5);
    assertThat(stub.regions.get(0)[2]).isEqualTo((byte) 42);
    region.read(0, bytes, 0, 0x2000);
    assertThat(bytes[2]).isEqualTo((byte) 42);
    assertThat(stub.calls).containsExactly("pwrite 5", "pread 8192");
  }

  @Test
  void accessesThatCannotBe() {
    stub.regions.put(0, new byte[16]);
    Region region = device.region(0);

    refused(Reason.INVALID_ARGUMENT, "BAR0 of 0000:00:05.0", () -> region.getIntLe(16));
    refused(Reason.INVALID_ARGUMENT, "16 bytes", () -> region.putByte(-1, (byte) 0));
    refused(Reason.INVALID_ARGUMENT, "multiple", () -> region.getIntLe(2));
    refused(Reason.INVALID_ARGUMENT, "16 bytes", () -> region.putLongLe(Long.MAX_VALUE, 0));
    refused(Reason.INVALID_ARGUMENT, "16 bytes", () -> region.read(8, new byte[9], 0, 9));
    refused(Reason.NOT_SUPPORTED, "does not have it", () -> device.region(1).getByte(0));
    stub.regionFlags = 1;
    refused(Reason.NOT_SUPPORTED, "written", () -> device.region(0).putByte(0, (byte) 0));
    stub.regionFlags = 2;
    refused(Reason.NOT_SUPPORTED, "read", () -> device.region(0).getByte(0));
    assertThat(stub.calls).isEmpty();

    stub.transferResult = Errno.EIO.result();
    refused(Reason.DEVICE_FAULT, "enableMemory(true)", () -> region.getIntLe(0));
    stub.transferResult = 3;
    refused(Reason.DEVICE_FAULT, "3 bytes only", () -> region.getIntLe(0));
    stub.transferResult = 0;
    device.close();
    refused(Reason.CLOSED, "0000:00:05.0", () -> region.getIntLe(0));
  }

  @Test
  void aMappedRegion() {
    stub.regions.put(0, new byte[0x1000]);
    stub.regionFlags = MMAP;
    MappedRegion bar0 = device.region(0).map();
    verify(stub.kernel)
        .mmap(StubDevice.FD, 0, 0x1000, Linux.PROT_READ | Linux.PROT_WRITE, Linux.MAP_SHARED);

    bar0.putLongLe(0x80, 0x1122334455667788L);
    bar0.putIntLe(0x88, 1);
    bar0.putShortLe(0x8c, (short) 2);
    bar0.putByte(0x8e, (byte) 3);
    assertThat(bar0.getLongLe(0x80)).isEqualTo(0x1122334455667788L);
    assertThat(bar0.getIntLe(0x88)).isEqualTo(1);
    assertThat(bar0.getShortLe(0x8c)).isEqualTo((short) 2);
    assertThat(bar0.getByte(0x8e)).isEqualTo((byte) 3);
    refused(Reason.INVALID_ARGUMENT, "BAR0 of 0000:00:05.0", () -> bar0.getIntLe(0x1000));
    refused(Reason.INVALID_ARGUMENT, "multiple", () -> bar0.getIntLe(1));
    assertThat(stub.calls).containsExactly("mmap 4096");

    device.close();
    assertThat(bar0.getIntLe(0x88)).isEqualTo(1);
    bar0.close();
    bar0.close();
    assertThat(stub.calls).containsExactly("mmap 4096", "munmap", "close device");
    refused(Reason.CLOSED, "BAR0 of 0000:00:05.0", () -> bar0.getIntLe(0));
  }

  @Test
  void aMappedRegionWithHoles() {
    byte[] bytes = new byte[0x4000];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) ((i * 7) >> 3);
    }
    stub.regions.put(0, bytes);
    stub.regionFlags = MMAP;
    stub.regionCaps = StubDevice.words(0x10001, 0, 2, 0, 0x1000, 0, 0x1000, 0, 0x3000, 0, 0x800, 0);
    MappedRegion bar0 = device.region(0).map();
    assertThat(bar0.areas()).extracting("offset").containsExactly(0x1000L, 0x3000L);
    stub.calls.clear();

    byte[] copy = new byte[0x4000];
    bar0.read(0, copy, 0, copy.length);
    assertThat(copy).isEqualTo(bytes);
    assertThat(stub.calls).containsExactly("pread 4096", "pread 4096", "pread 2048");

    stub.calls.clear();
    for (long at : new long[] {0, 0xff8, 0x1000, 0x1ff8, 0x2000, 0x3000, 0x37f8, 0x3800}) {
      bar0.putLongLe(at, at);
      bar0.putIntLe(at, 1);
      bar0.putShortLe(at, (short) 2);
      bar0.putByte(at, (byte) 3);
      assertThat(bar0.getLongLe(at)).isEqualTo(3);
      assertThat(bar0.getIntLe(at)).isEqualTo(3);
      assertThat(bar0.getShortLe(at)).isEqualTo((short) 3);
      assertThat(bar0.getByte(at)).isEqualTo((byte) 3);
    }
    assertThat(stub.calls).hasSize(4 * 8);
    stub.calls.clear();
    bar0.write(0xffe, new byte[] {1, 2, 3, 4}, 0, 4);
    assertThat(bytes).containsSequence(1, 2, 3, 4);
    assertThat(stub.calls).containsExactly("pwrite 2");

    refused(Reason.INVALID_ARGUMENT, "16 KiB", () -> bar0.getIntLe(0x4000));
    refused(Reason.INVALID_ARGUMENT, "16 KiB", () -> bar0.read(0x3fff, copy, 0, 2));
    refused(Reason.INVALID_ARGUMENT, "multiple", () -> bar0.getIntLe(2));
    refused(Reason.INVALID_ARGUMENT, "multiple", () -> bar0.getIntLe(0x1002));
    bar0.close();
    refused(Reason.CLOSED, "BAR0", () -> bar0.getIntLe(0));
    refused(Reason.CLOSED, "BAR0", () -> bar0.getIntLe(0x1000));
  }

  @Test
  void aBusErrorIsAFaultOfTheDevice() {
    stub.regions.put(0, new byte[0x1000]);
    stub.regionFlags = MMAP;
    try (MappedRegion bar0 = device.region(0).map()) {
      stub.memoryError = new InternalError("a fault occurred in an unsafe memory access operation");
      refused(Reason.DEVICE_FAULT, "BAR0 of 0000:00:05.0", () -> bar0.getIntLe(0));
      refused(Reason.DEVICE_FAULT, "enableMemory", () -> bar0.putIntLe(0, 0));
      refused(Reason.DEVICE_FAULT, "SIGBUS", () -> bar0.read(0, new byte[8], 0, 8));
      stub.memoryError = new InternalError("of the JVM's own");
      assertThatThrownBy(() -> bar0.getIntLe(0)).isSameAs(stub.memoryError);
    }
  }

  @Test
  void regionsThatCannotBeMapped() {
    stub.regions.put(0, new byte[0x1000]);
    refused(Reason.NOT_SUPPORTED, "[READ, WRITE]", () -> device.region(0).map());
    refused(Reason.NOT_SUPPORTED, "does not have it", () -> device.region(1).map());
    stub.regionFlags = MMAP;
    doReturn(Result.failed(Errno.EBUSY))
        .when(stub.kernel)
        .mmap(anyInt(), anyLong(), anyLong(), anyInt(), anyInt());
    refused(Reason.IN_USE, "/proc/iomem", () -> device.region(0).map());
    stub.regionCaps = StubDevice.words(0x10001, 0, 0, 0);
    refused(Reason.NOT_SUPPORTED, "no area", () -> device.region(0).map());
    device.close();
    assertThat(stub.calls).containsExactly("close device");
  }

  @Test
  void reset() {
    device.reset();
    verify(stub.kernel).ioctl(StubDevice.FD, VfioDeviceUapi.VFIO_DEVICE_RESET, 0L);
    stub.resetResult = Errno.EINVAL.result();
    refused(Reason.NOT_SUPPORTED, "hot reset", device::reset);
    stub.resetResult = Errno.EAGAIN.result();
    refused(Reason.IN_USE, "try again", device::reset);
    device.close();
    refused(Reason.CLOSED, "0000:00:05.0", device::reset);
  }
}
