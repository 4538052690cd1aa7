// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.cdev.Attachment;
import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.device.DeviceInfo;
import org.vfio4j.device.Isolation;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.VfioPci;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.SysfsDevice;
import org.vfio4j.memory.NativeBlock;

/**
 * A mediated device: the sample {@code mtty}, a PCI card with a serial port, all of it software.
 */
@Tag("mdev")
class MediatedTest {
  private static final String PARENT = "/sys/devices/virtual/mtty/mtty";

  private final String uuid = UUID.randomUUID().toString();
  private SysfsDevice mdev;

  @BeforeEach
  void create() {
    write(PARENT + "/mdev_supported_types/mtty-1/create", uuid);
    mdev = SysfsDevice.at(Lab.KERNEL, "/sys/bus/mdev/devices/" + uuid);
  }

  @AfterEach
  void remove() {
    write("/sys/bus/mdev/devices/" + uuid + "/remove", "1");
    Refusal.of(
        Reason.NO_SUCH_DEVICE, () -> SysfsDevice.at(Lab.KERNEL, "/sys/bus/mdev/devices/" + uuid));
  }

  @Test
  @Tag("lab")
  void isIsolatedByItsParent() {
    Isolation isolation = Isolation.of(mdev);
    assertThat(isolation.kind()).isEqualTo(Isolation.Kind.MEDIATED);
    assertThat(isolation.members()).hasSize(1);
    assertThat(isolation.blockers()).isEmpty();
    assertThat(isolation.toString()).contains(uuid).contains("mediated");
  }

  @Test
  @Tag("lab")
  void byItsNode() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice device =
            VfioCdev.find(mdev).open().bind(iommufd, DeviceCookie.of(0x6d747479))) {
      assertThat(device.cookie()).isEqualTo(DeviceCookie.of(0x6d747479));
      Attachment attachment = device.attach(ioas);
      assertThat(attachment.ptId()).as("no page table between").isEqualTo(ioas.id());
      assertThat(ioas.allowedIovas()).isEqualTo(List.of(IovaRange.ALL));
      looksLikeMtty(device);
      attachment.detach();
      assertThat(attachment.isCurrent()).isFalse();
    }
  }

  @EveryMode
  void inEveryMode(VfioMode mode) {
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, mdev, DeviceCookie.of(1));
        DmaBuffer buffer = assigned.dma().allocate(4096)) {
      looksLikeMtty(assigned.device());
      assertThat(buffer.iova()).isNotZero();
    }
  }

  /** The driver keeps 16 bits of an offset. */
  @Test
  @Tag("lab")
  void registersComeAgainEvery64KiB() {
    try (AssignedDevice assigned =
        AssignedDevice.open(Lab.KERNEL, VfioMode.IOMMUFD, mdev, DeviceCookie.of(1))) {
      int fd = assigned.device().fd();
      NativeBlock block = new NativeBlock(4);
      block.putByte(0, (byte) 0x5a);
      assertThat(Lab.KERNEL.pwrite(fd, block, 1, 0x10000 + Mtty.SCR)).isEqualTo(1);
      assertThat(assigned.device().region(VfioPci.BAR0).getByte(Mtty.SCR)).isEqualTo((byte) 0x5a);
      block.clear();
      assertThat(Lab.KERNEL.pread(fd, block, 1, 0x7f_ffff_0000L + Mtty.SCR)).isEqualTo(1);
      assertThat(block.getByte(0)).isEqualTo((byte) 0x5a);
      long config = assigned.device().region(VfioPci.CONFIG).info().offset();
      block.putByte(0, (byte) 0x77);
      assertThat(Lab.KERNEL.pwrite(fd, block, 1, config + 0x1003c)).isEqualTo(1);
      assertThat(assigned.device().region(VfioPci.CONFIG).getByte(0x3c)).isEqualTo((byte) 0x77);
    }
  }

  private static void looksLikeMtty(VfioDevice device) {
    assertThat(device.info().has(DeviceInfo.Flag.PCI)).isTrue();
    assertThat(device.config().vendorId()).isEqualTo(0x4348);
    assertThat(device.region(VfioPci.CONFIG).getShortLe(2)).isEqualTo((short) 0x3253);
    Refusal.of(Reason.NOT_SUPPORTED, () -> device.region(VfioPci.BAR0).map());
    device.reset();
  }

  private static void write(String file, String text) {
    int result = Lab.KERNEL.writeFile(file, text.getBytes(StandardCharsets.US_ASCII));
    assertThat(result).as(file).isEqualTo(text.length());
  }
}
