// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.cdev.uapi.VfioCdevUapi;
import org.vfio4j.cdev.uapi.VfioDeviceBindIommufd;
import org.vfio4j.device.DmaBuf;
import org.vfio4j.device.GfxPlane;
import org.vfio4j.device.Graphics;
import org.vfio4j.device.Graphics.Plane;
import org.vfio4j.device.Graphics.Source;
import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.Region;
import org.vfio4j.device.RegionInfo;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.VfioPci;
import org.vfio4j.device.uapi.VfioDeviceGfxPlaneInfo;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.device.uapi.VfioIrqInfo;
import org.vfio4j.device.uapi.VfioRegionGfxEdid;
import org.vfio4j.device.uapi.VfioRegionInfo;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.SysfsDevice;
import org.vfio4j.memory.NativeBlock;

/** The pictures of the kernel's sample displays: one is a region, the other a dma-buf. */
class GraphicsTest {
  /** {@code DRM_FORMAT_XRGB8888}. */
  private static final int XRGB8888 = 0x34325258;

  /** Where mbochs has the registers of its mode, 16 bits each. */
  private static final int DISPI = 0x500;

  private static final int EDID_REGION = 9;

  private final String uuid = UUID.randomUUID().toString();

  private AssignedDevice open(String driver, String type) {
    create(driver, type);
    return open();
  }

  private void create(String driver, String type) {
    String types = "/sys/devices/virtual/" + driver + "/" + driver + "/mdev_supported_types/";
    write(types + driver + "-" + type + "/create", uuid);
  }

  private SysfsDevice mdev() {
    return SysfsDevice.at(Lab.KERNEL, "/sys/bus/mdev/devices/" + uuid);
  }

  private AssignedDevice open() {
    return AssignedDevice.open(Lab.KERNEL, VfioMode.IOMMUFD, mdev(), DeviceCookie.of(1));
  }

  @AfterEach
  void remove() {
    write("/sys/bus/mdev/devices/" + uuid + "/remove", "1");
  }

  private static void write(String file, String text) {
    int result = Lab.KERNEL.writeFile(file, text.getBytes(StandardCharsets.US_ASCII));
    assertThat(result).as(file).isEqualTo(text.length());
  }

  @Test
  @Tag("lab")
  void asARegion() {
    try (AssignedDevice mdpy = open("mdpy", "vga")) {
      Graphics graphics = mdpy.device().graphics();
      assertThat(graphics.shows(Source.REGION)).isTrue();
      assertThat(graphics.shows(Source.DMABUF)).isFalse();
      GfxPlane plane = graphics.plane(Source.REGION, Plane.PRIMARY).orElseThrow();
      assertThat(plane.format()).isEqualTo(XRGB8888);
      assertThat(plane.width()).isEqualTo(640);
      assertThat(plane.height()).isEqualTo(480);
      assertThat(plane.stride()).isEqualTo(640 * 4);
      assertThat(plane.size()).isEqualTo(2 << 20);
      assertThat(plane.formatModifier()).isZero();
      assertThat(plane.id()).as("a region that is not counted").isEqualTo(16);
      assertThat(plane.hotspot()).contains(new GfxPlane.Hotspot(0, 0));
      Refusal.of(
          Reason.NOT_SUPPORTED, Errno.EINVAL, () -> graphics.plane(Source.DMABUF, Plane.PRIMARY));
      Refusal.of(Reason.INVALID_ARGUMENT, () -> graphics.dmaBuf(plane));
      assertThat(query(mdpy.device(), new VfioDeviceGfxPlaneInfo().argsz(59).flags(5)))
          .isEqualTo(Errno.EINVAL);
      assertThat(query(mdpy.device(), new VfioDeviceGfxPlaneInfo().argsz(60).flags(5))).isNull();
      assertThat(query(mdpy.device(), new VfioDeviceGfxPlaneInfo().flags(6)))
          .isEqualTo(Errno.EINVAL);
      assertThat(dmaBuf(mdpy.device(), 1)).isEqualTo(Errno.ENOTTY);
    }
  }

  @Test
  @Tag("lab")
  void asADmaBuf() {
    try (AssignedDevice mbochs = open("mbochs", "small")) {
      Graphics graphics = mbochs.device().graphics();
      assertThat(graphics.shows(Source.DMABUF)).isTrue();
      assertThat(graphics.shows(Source.REGION)).isFalse();
      assertThat(graphics.plane(Source.DMABUF, Plane.PRIMARY)).as("no mode yet").isEmpty();
      assertThat(graphics.plane(Source.DMABUF, Plane.CURSOR)).isEmpty();

      mode(mbochs.device(), 320, 200);
      // This driver makes the dma-buf and says that it could not; there it is the next time.
      Refusal.of(Reason.LIMIT, () -> graphics.plane(Source.DMABUF, Plane.PRIMARY));
      GfxPlane plane = graphics.plane(Source.DMABUF, Plane.PRIMARY).orElseThrow();
      assertThat(plane.width()).isEqualTo(320);
      assertThat(plane.height()).isEqualTo(200);
      assertThat(plane.stride()).isEqualTo(320 * 4);
      assertThat(plane.size()).isEqualTo(320 * 200 * 4);
      assertThat(plane.format()).isEqualTo(XRGB8888);
      try (DmaBuf buffer = graphics.dmaBuf(plane)) {
        assertThat(Lab.KERNEL.readLink("/proc/self/fd/" + buffer.fd()).value())
            .startsWith("/dmabuf:");
      }
      assertThat(dmaBuf(mbochs.device(), 4711)).isEqualTo(Errno.ENOENT);
    }
  }

  /** Behind the regions of any PCI function: what the monitor is to be taken for. */
  @Test
  @Tag("lab")
  void theMonitorOfADisplay() {
    try (AssignedDevice mbochs = open("mbochs", "small")) {
      assertThat(mbochs.device().info().numRegions()).isEqualTo(EDID_REGION + 1);
      Region edid = mbochs.device().region(EDID_REGION);
      assertThat(edid.info().type())
          .contains(
              new RegionInfo.Type(
                  VfioDeviceUapi.VFIO_REGION_TYPE_GFX,
                  VfioDeviceUapi.VFIO_REGION_SUBTYPE_GFX_EDID));
      assertThat(edid.getIntLe(VfioRegionGfxEdid.MAX_XRES)).isEqualTo(800);
      assertThat(edid.getIntLe(VfioRegionGfxEdid.MAX_YRES)).isEqualTo(600);
      int blob = edid.getIntLe(VfioRegionGfxEdid.EDID_OFFSET);
      assertThat(edid.getIntLe(VfioRegionGfxEdid.EDID_MAX_SIZE)).isEqualTo(0x400);
      int down = VfioDeviceUapi.VFIO_DEVICE_GFX_LINK_STATE_DOWN;
      int up = VfioDeviceUapi.VFIO_DEVICE_GFX_LINK_STATE_UP;
      edid.putIntLe(VfioRegionGfxEdid.LINK_STATE, down);
      edid.putIntLe(blob, 0x00ff_ffff);
      edid.putIntLe(VfioRegionGfxEdid.EDID_SIZE, 128);
      edid.putIntLe(VfioRegionGfxEdid.LINK_STATE, up);
      assertThat(edid.getIntLe(VfioRegionGfxEdid.LINK_STATE)).isEqualTo(up);
      assertThat(edid.getIntLe(VfioRegionGfxEdid.EDID_SIZE)).isEqualTo(128);
      assertThat(edid.getIntLe(blob)).isEqualTo(0x00ff_ffff);
      // The driver's own.
      edid.putIntLe(VfioRegionGfxEdid.MAX_XRES, 1);
      assertThat(edid.getIntLe(VfioRegionGfxEdid.MAX_XRES)).isEqualTo(800);
    }
  }

  /** A capability is cut where the caller's room ends, and too much room is refused. */
  @Test
  @Tag("lab")
  void regionsOfADisplayByTheirSize() {
    try (AssignedDevice mbochs = open("mbochs", "small")) {
      VfioRegionInfo info = region(mbochs.device(), EDID_REGION, VfioRegionInfo.SIZEOF);
      assertThat(info.argsz()).isEqualTo(48);
      assertThat(info.flags()).isEqualTo(0xb);
      assertThat(info.capOffset()).as("although it is not there").isEqualTo(32);
      info = region(mbochs.device(), EDID_REGION, 40);
      assertThat(info.getLong(32)).as("the header").isEqualTo(0x0001_0002L);
      assertThat(info.getLong(40)).as("the type").isEqualTo(-1);
      info = region(mbochs.device(), VfioPci.BAR0, 48);
      assertThat(info.argsz()).isEqualTo(48);
      assertThat(region(mbochs.device(), VfioPci.BAR0, 49)).isNull();
      assertThat(region(mbochs.device(), EDID_REGION, 64)).isNull();
    }
  }

  /** Room for 64 bytes, whatever is said of it; null where the call fails. */
  private static VfioRegionInfo region(VfioDevice device, int index, int argsz) {
    VfioRegionInfo info = new VfioRegionInfo(64 - VfioRegionInfo.SIZEOF);
    for (int at = VfioRegionInfo.SIZEOF; at < 64; at += Long.BYTES) {
      info.putLong(at, -1);
    }
    info.argsz(argsz).index(index);
    Errno errno = errno(device, VfioDeviceUapi.VFIO_DEVICE_GET_REGION_INFO, info);
    assertThat(errno).isIn(null, Errno.EINVAL);
    return errno == null ? info : null;
  }

  /** Other samples have interrupts once they were asked for the device. */
  @Test
  @Tag("lab")
  void interruptsOfADisplayAreNone() {
    create("mbochs", "small");
    int fd = Lab.KERNEL.open(VfioCdev.find(mdev()).node(), Linux.O_RDWR);
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL)) {
      VfioDeviceBindIommufd bind = new VfioDeviceBindIommufd().iommufd(iommufd.fd());
      assertThat(Lab.KERNEL.ioctl(fd, VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD, bind)).isZero();
      VfioIrqInfo info = new VfioIrqInfo().index(4).count(7);
      int request = VfioDeviceUapi.VFIO_DEVICE_GET_IRQ_INFO;
      assertThat(Lab.KERNEL.ioctl(fd, request, info)).isZero();
      assertThat(info.count()).isZero();
      assertThat(Lab.KERNEL.ioctl(fd, request, info.index(5))).isEqualTo(Errno.EINVAL.result());
      Lab.KERNEL.close(fd);
    }
  }

  /** The driver takes the wrong start away: what is written to the file is two pages behind. */
  @Test
  @Tag("lab")
  void videoMemoryThroughTheFile() {
    try (AssignedDevice mbochs = open("mbochs", "small")) {
      Region memory = mbochs.device().region(VfioPci.BAR0);
      try (MappedRegion mapped = memory.map()) {
        memory.putIntLe(0, 0x1234);
        memory.putIntLe(0x5004, 0x5678);
        assertThat(mapped.getIntLe(0)).isZero();
        assertThat(mapped.getIntLe(0x2000)).isEqualTo(0x1234);
        assertThat(mapped.getIntLe(0x7004)).isEqualTo(0x5678);
        mapped.putIntLe(0x3000, 0x9abc);
        assertThat(memory.getIntLe(0x1000)).isEqualTo(0x9abc);
        assertThat(memory.getIntLe(0)).isEqualTo(0x1234);
      }
    }
  }

  @Test
  @Tag("lab")
  void theLastCloseForgetsPictures() {
    try (AssignedDevice mbochs = open("mbochs", "small");
        MappedRegion memory = mbochs.device().region(VfioPci.BAR0).map()) {
      memory.putIntLe(0, 0x1234);
      mode(mbochs.device(), 320, 200);
      assertThat(query(mbochs.device(), primary())).isEqualTo(Errno.ENOMEM);
      assertThat(picture(mbochs.device())).isEqualTo(1);
    }
    try (AssignedDevice mbochs = open();
        MappedRegion memory = mbochs.device().region(VfioPci.BAR0).map()) {
      assertThat(memory.getIntLe(0)).isZero();
      assertThat(dmaBuf(mbochs.device(), 1)).isEqualTo(Errno.ENOENT);
      // The mode is still set.
      assertThat(query(mbochs.device(), primary())).isEqualTo(Errno.ENOMEM);
      assertThat(picture(mbochs.device())).isEqualTo(2);
      assertThat(dmaBuf(mbochs.device(), 1)).isEqualTo(Errno.ENOENT);
      assertThat(dmaBuf(mbochs.device(), 2)).isNull();
    }
  }

  private static VfioDeviceGfxPlaneInfo primary() {
    return new VfioDeviceGfxPlaneInfo()
        .flags(VfioDeviceUapi.VFIO_GFX_PLANE_TYPE_DMABUF)
        .drmPlaneType(1);
  }

  /** The number of the dma-buf. */
  private static int picture(VfioDevice device) {
    VfioDeviceGfxPlaneInfo info = primary();
    assertThat(query(device, info)).isNull();
    return info.dmabufId();
  }

  /** A dma-buf is of whole pages. */
  @Test
  @Tag("lab")
  void aPictureInTheMiddleOfAPage() {
    try (AssignedDevice mbochs = open("mbochs", "small")) {
      mode(mbochs.device(), 320, 200);
      mbochs.device().region(VfioPci.BAR2).putShortLe(DISPI + 16, (short) 1);
      assertThat(query(mbochs.device(), primary())).isEqualTo(Errno.ENOMEM);
      assertThat(picture(mbochs.device())).isEqualTo(1);
      assertThat(dmaBuf(mbochs.device(), 1)).isEqualTo(Errno.EINVAL);
      assertThat(dmaBuf(mbochs.device(), 1)).isEqualTo(Errno.EINVAL);
    }
  }

  /** What the guest's driver reads of the monitor, as long as there is one. */
  @Test
  @Tag("lab")
  void theMonitorInTheRegisters() {
    try (AssignedDevice mbochs = open("mbochs", "small")) {
      Region edid = mbochs.device().region(EDID_REGION);
      Region registers = mbochs.device().region(VfioPci.BAR2);
      edid.putIntLe(edid.getIntLe(VfioRegionGfxEdid.EDID_OFFSET) + 4, 0x00ff_ffff);
      edid.putIntLe(VfioRegionGfxEdid.EDID_SIZE, 8);
      assertThat(registers.getIntLe(4)).isZero();
      int up = VfioDeviceUapi.VFIO_DEVICE_GFX_LINK_STATE_UP;
      edid.putIntLe(VfioRegionGfxEdid.LINK_STATE, up);
      assertThat(registers.getIntLe(4)).isEqualTo(0x00ff_ffff);
      assertThat(registers.getIntLe(8)).isZero();
      assertThat(registers.getByte(6)).isEqualTo((byte) -1);
    }
  }

  @Test
  @Tag("lab")
  void devicesWithoutADisplay() {
    try (AssignedDevice edu = Lab.openEdu(VfioMode.IOMMUFD);
        AssignedDevice mdpy = open("mdpy", "vga")) {
      assertThat(mdpy.device().graphics().shows(Source.REGION)).isTrue();
      Graphics graphics = edu.device().graphics();
      assertThat(graphics.shows(Source.REGION)).isFalse();
      Refusal.of(
          Reason.NOT_SUPPORTED, Errno.ENOTTY, () -> graphics.plane(Source.REGION, Plane.PRIMARY));
    }
  }

  private static void mode(VfioDevice mbochs, int width, int height) {
    Region registers = mbochs.region(VfioPci.BAR2);
    registers.putShortLe(DISPI + 2, (short) width);
    registers.putShortLe(DISPI + 4, (short) height);
    registers.putShortLe(DISPI + 6, (short) 32);
    registers.putShortLe(DISPI + 8, (short) 1);
  }

  private static Errno query(VfioDevice device, VfioDeviceGfxPlaneInfo info) {
    return errno(device, VfioDeviceUapi.VFIO_DEVICE_QUERY_GFX_PLANE, info);
  }

  /** One that outlives its device brings the kernel down when it is closed. */
  private static Errno dmaBuf(VfioDevice device, int id) {
    NativeBlock number = new NativeBlock(4);
    number.putInt(0, id);
    int fd = Lab.KERNEL.ioctl(device.fd(), VfioDeviceUapi.VFIO_DEVICE_GET_GFX_DMABUF, number);
    if (fd < 0) {
      return Errno.ofResult(fd);
    }
    Lab.KERNEL.close(fd);
    return null;
  }

  private static Errno errno(VfioDevice device, int request, NativeBlock argument) {
    int result = Lab.KERNEL.ioctl(device.fd(), request, argument);
    return result < 0 ? Errno.ofResult(result) : null;
  }
}
