// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.dma.DmaAccess.READ_WRITE;
import static org.vfio4j.dma.PageSize.NORMAL;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.dma.DirtyBitmap;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.dma.PageSize;
import org.vfio4j.group.IommuType;
import org.vfio4j.group.Type1Iommu;
import org.vfio4j.group.VfioContainer;
import org.vfio4j.group.VfioGroup;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1DmaMap;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.Result;
import org.vfio4j.linux.SysfsDevice;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;
import org.vfio4j.testkit.device.DmaFault;
import org.vfio4j.testkit.device.MdpyDriver;
import org.vfio4j.testkit.device.MediatedAttribute;
import org.vfio4j.testkit.device.MediatedBus;
import org.vfio4j.testkit.device.MediatedDriver;
import org.vfio4j.testkit.device.MediatedModel;
import org.vfio4j.testkit.device.MediatedRegion;
import org.vfio4j.testkit.device.MediatedType;
import org.vfio4j.testkit.device.MttyDriver;
import org.vfio4j.testkit.machine.KernelVersion;

class MediatedDeviceTest {
  private static final String UUID = "5b2ac74b-0f11-4d57-b1f7-5d2d9d4a51f0";
  private static final String OTHER = "5b2ac74b-0f11-4d57-b1f7-5d2d9d4a51f1";
  private static final String MTTY = "/sys/devices/virtual/mtty/mtty";
  private static final String MDPY = "/sys/devices/virtual/mdpy/mdpy";
  private static final String DEVICES = "/sys/bus/mdev/devices/";

  private final FakeKernel kernel =
      FakeKernel.of(
          KernelVersion.LINUX_6_12,
          machine -> {
            machine.mediated(MttyDriver.PARENT, new MttyDriver());
            machine.mediated(MdpyDriver.PARENT, new MdpyDriver());
            machine.mediated("css0/0.0.0313/0.0.26ab", new CopyDriver()).onBus("css");
          });

  @Test
  void parentsAndTypes() {
    assertThat(kernel.list("/sys/class/mdev_bus").value())
        .containsExactly("0.0.26ab", "mdpy", "mtty");
    assertThat(kernel.list(MTTY + "/mdev_supported_types").value())
        .containsExactly("mtty-1", "mtty-2");
    assertThat(text(MTTY + "/mdev_supported_types/mtty-2/name")).isEqualTo("Dual port serial\n");
    assertThat(text(MTTY + "/mdev_supported_types/mtty-2/available_instances")).isEqualTo("12\n");
    assertThat(text(MDPY + "/mdev_supported_types/mdpy-xga/description"))
        .isEqualTo("virtual display, 1024x768 framebuffer\n");
    assertThat(kernel.readFile(MTTY + "/mdev_supported_types/mtty-2/description").errno())
        .isEqualTo(Errno.ENOENT);
    SysfsDevice css = SysfsDevice.at(kernel, "/sys/class/mdev_bus/0.0.26ab");
    assertThat(css.link("subsystem")).contains("css");
    assertThat(css.attribute("mdev_supported_types/copy-io/device_api")).contains("vfio-ccw");
  }

  @Test
  void whatIsWrittenToCreate() {
    assertThat(create(MTTY, "mtty-1", UUID.substring(1))).isEqualTo(Errno.EINVAL.result());
    assertThat(create(MTTY, "mtty-1", UUID + "\n\n")).isEqualTo(Errno.EINVAL.result());
    assertThat(create(MTTY, "mtty-1", UUID.replace('5', 'g'))).isEqualTo(Errno.EINVAL.result());
    assertThat(create(MTTY, "mtty-1", UUID.toUpperCase(java.util.Locale.ROOT) + "!")).isEqualTo(37);
    assertThat(kernel.list(DEVICES).value()).containsExactly(UUID);
    assertThat(create(MTTY, "mtty-2", UUID)).isEqualTo(Errno.EEXIST.result());
    assertThat(create(MDPY, "mdpy-vga", UUID)).isEqualTo(Errno.EEXIST.result());
  }

  @Test
  void aDeviceInSysfs() {
    create(MTTY, "mtty-1", UUID);
    SysfsDevice device = SysfsDevice.at(kernel, DEVICES + UUID);
    assertThat(device.driver()).contains("mtty");
    assertThat(device.link("subsystem")).contains("mdev");
    assertThat(device.link("mdev_type")).contains("mtty-1");
    assertThat(device.attribute("iommu_group/name")).contains("vfio-noiommu");
    assertThat(device.list("vfio-dev")).containsExactly("vfio0");
    assertThat(device.attribute("vendor/sample_mdev_dev")).contains("This is MDEV " + UUID);
    assertThat(kernel.list(MTTY + "/mdev_supported_types/mtty-1/devices").value())
        .containsExactly(UUID);
    assertThat(kernel.list("/dev/vfio").value()).contains(device.iommuGroup().getAsInt() + "");
    assertThat(remove("x")).isEqualTo(Errno.EINVAL.result());
    assertThat(remove("-1")).isEqualTo(Errno.EINVAL.result());
    assertThat(remove("0")).isEqualTo(1);
    assertThat(kernel.list(DEVICES).value()).containsExactly(UUID);
    assertThat(remove("0x10\n")).isEqualTo(5);
    assertThat(kernel.list(DEVICES).value()).isEmpty();
    assertThat(kernel.list(MTTY + "/" + UUID).errno()).isEqualTo(Errno.ENOENT);
    assertThat(kernel.list("/dev/vfio").value()).containsExactly("devices", "vfio");
    assertThat(remove("1")).isEqualTo(Errno.ENOENT.result());
  }

  @Test
  void nothingLeft() {
    for (int i = 0; i < 23; i++) {
      assertThat(create(MTTY, "mtty-1", java.util.UUID.randomUUID().toString())).isEqualTo(36);
    }
    assertThat(create(MTTY, "mtty-2", UUID)).isEqualTo(Errno.ENOSPC.result());
    assertThat(create(MTTY, "mtty-1", UUID)).isEqualTo(36);
    assertThat(create(MTTY, "mtty-1", OTHER)).isEqualTo(Errno.ENOSPC.result());
    for (int i = 0; i < 4; i++) {
      String type = i % 2 == 0 ? "mdpy-vga" : "mdpy-hd";
      assertThat(create(MDPY, type, java.util.UUID.randomUUID().toString())).isEqualTo(36);
    }
    assertThat(create(MDPY, "mdpy-vga", OTHER)).isEqualTo(Errno.EUSERS.result());
    assertThat(text(MDPY + "/mdev_supported_types/mdpy-hd/available_instances")).isEqualTo("0\n");
    remove("1");
    assertThat(create(MTTY, "mtty-1", OTHER)).isEqualTo(36);
  }

  @Test
  void removingWaitsForTheUser() throws Exception {
    create(MTTY, "mtty-1", UUID);
    int fd = kernel.open("/dev/vfio/devices/vfio0", Linux.O_RDWR);
    CompletableFuture<Integer> removed = CompletableFuture.supplyAsync(() -> remove("1"));
    while (kernel.list(DEVICES).value().contains(UUID)) {
      Thread.onSpinWait();
    }
    assertThat(removed).isNotDone();
    assertThat(remove("1")).isEqualTo(Errno.ENOENT.result());
    assertThat(kernel.open("/dev/vfio/devices/vfio0", Linux.O_RDWR))
        .isEqualTo(Errno.ENOENT.result());
    assertThat(create(MDPY, "mdpy-vga", UUID)).isEqualTo(Errno.EEXIST.result());
    assertThat(text(MTTY + "/mdev_supported_types/mtty-1/available_instances")).isEqualTo("23\n");
    kernel.close(fd);
    assertThat(removed.get(10, TimeUnit.SECONDS)).isEqualTo(1);
    assertThat(text(MTTY + "/mdev_supported_types/mtty-1/available_instances")).isEqualTo("24\n");
  }

  @Test
  void aParentGoes() throws Exception {
    create(MTTY, "mtty-1", UUID);
    int fd = kernel.open("/dev/vfio/devices/vfio0", Linux.O_RDWR);
    CompletableFuture<Void> gone =
        CompletableFuture.runAsync(() -> kernel.removeMediatedParent(MttyDriver.PARENT));
    while (kernel.list("/sys/class/mdev_bus").value().contains("mtty")) {
      Thread.onSpinWait();
    }
    assertThat(create(MTTY, "mtty-1", OTHER)).isEqualTo(Errno.ENODEV.result());
    kernel.close(fd);
    gone.get(10, TimeUnit.SECONDS);
    assertThat(create(MTTY, "mtty-1", OTHER)).isEqualTo(Errno.ENOENT.result());
    assertThat(kernel.list(DEVICES).value()).isEmpty();
    kernel.addMediatedParent(MttyDriver.PARENT, new MttyDriver());
    assertThat(create(MTTY, "mtty-1", OTHER)).isEqualTo(36);
  }

  /** With a driver of one's own: what it copies, it copies by DMA. */
  @Test
  void reachesMemoryThatIsMapped() {
    create("/sys/devices/css0/0.0.0313/0.0.26ab", "copy-io", UUID);
    VfioCdev cdev = VfioCdev.find(SysfsDevice.at(kernel, DEVICES + UUID));
    try (Iommufd iommufd = Iommufd.open(kernel);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice device = cdev.open().bind(iommufd, DeviceCookie.of(1));
        DmaBuffer buffer = ioas.allocate(4096);
        DmaBuffer readOnly = DmaBuffer.allocate(ioas, 4096, PageSize.NORMAL, DmaAccess.READ)) {
      buffer.memory().putIntLe(0, 42);
      device.region(0).putLongLe(0, buffer.iova());
      assertThat(buffer.memory().getIntLe(4)).as("before it is attached").isZero();
      device.attach(ioas);
      device.region(0).putLongLe(0, buffer.iova());
      assertThat(buffer.memory().getIntLe(4)).isEqualTo(42);
      device.region(0).putLongLe(0, readOnly.iova());
      device.region(0).putLongLe(0, 0x1000_0000);
      assertThat(kernel.dmaFaults())
          .containsExactly(
              new DmaFault(UUID, buffer.iova(), false, false),
              new DmaFault(UUID, readOnly.iova() + 4, true, true),
              new DmaFault(UUID, 0x1000_0000, false, false));
    }
    remove("1");
  }

  private MappedMemory page() {
    int protection = Linux.PROT_READ | Linux.PROT_WRITE;
    int flags = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS;
    return kernel.mmap(-1, 0, 4096, protection, flags).value();
  }

  /** Only what is touched must be there, and may be touched so. */
  @Test
  void reachesWhatItTouches() {
    create("/sys/devices/css0/0.0.0313/0.0.26ab", "copy-io", UUID);
    VfioCdev cdev = VfioCdev.find(SysfsDevice.at(kernel, DEVICES + UUID));
    MappedMemory memory = page();
    long iova = memory.address();
    try (Iommufd iommufd = Iommufd.open(kernel);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice device = cdev.open().bind(iommufd, DeviceCookie.of(1))) {
      device.attach(ioas);
      ioas.map(4096, iova, 4096, DmaAccess.READ_WRITE);
      memory.putIntLe(0, 42);
      device.region(0).putLongLe(0, iova);
      assertThat(memory.getIntLe(4)).isEqualTo(42);
      ioas.unmap(4096, iova);
      ioas.map(iova, 4096, 0, DmaAccess.WRITE);
      device.region(0).putLongLe(0, 0);
      assertThat(kernel.dmaFaults()).containsExactly(new DmaFault(UUID, 0, false, true));
    }
  }

  /** What the device has written is dirty, and nothing else. */
  @Test
  void itsWritesAreNoted() {
    create("/sys/devices/css0/0.0.0313/0.0.26ab", "copy-io", UUID);
    try (VfioContainer container = VfioContainer.open(kernel);
        VfioGroup group =
            VfioGroup.of(kernel, SysfsDevice.at(kernel, DEVICES + UUID)).join(container);
        Type1Iommu iommu = container.setIommu(IommuType.TYPE1_V2);
        VfioDevice device = group.device(UUID);
        DmaBuffer buffer = DmaBuffer.allocateAt(iommu, 0, 1 << 20, NORMAL, READ_WRITE)) {
      iommu.startDirtyLogging();
      device.region(0).putLongLe(0, buffer.iova() + 3 * 4096);
      device.region(0).putLongLe(0, buffer.iova() + 99 * 4096 - 6);
      DirtyBitmap dirty = new DirtyBitmap(0, 1 << 20, 4096);
      iommu.readDirty(dirty);
      assertThat(dirty.ranges())
          .containsExactly(
              new IovaRange(3 * 4096, 4 * 4096 - 1), new IovaRange(98 * 4096, 100 * 4096 - 1));
      dirty.clear();
      iommu.readDirty(dirty);
      assertThat(dirty.countDirty()).as("told once").isZero();
      iommu.stopDirtyLogging();
    }
  }

  /** Its group was in an iommufd when it was opened, and is in a container now. */
  @Test
  void theContainerGoesFirst() {
    create("/sys/devices/css0/0.0.0313/0.0.26ab", "copy-io", UUID);
    SysfsDevice sysfs = SysfsDevice.at(kernel, DEVICES + UUID);
    int group = kernel.open("/dev/vfio/" + sysfs.iommuGroup().getAsInt(), Linux.O_RDWR);
    int iommufd = kernel.open("/dev/iommu", Linux.O_RDWR);
    int container = kernel.open("/dev/vfio/vfio", Linux.O_RDWR);
    MappedMemory before = page();
    MappedMemory after = page();
    assertThat(join(group, iommufd)).isZero();
    assertThat(map(iommufd, before)).isZero();
    NativeBlock name = NativeBlock.ofString(UUID);
    int device = kernel.ioctl(group, VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD, name);
    NativeBlock iova = new NativeBlock(Long.BYTES);
    before.putIntLe(0, 1);
    kernel.pwrite(device, iova, Long.BYTES, 0);
    assertThat(before.getIntLe(4)).isEqualTo(1);
    assertThat(kernel.ioctl(group, VfioGroupUapi.VFIO_GROUP_UNSET_CONTAINER, 0)).isZero();
    assertThat(join(group, container)).isZero();
    before.putIntLe(0, 2);
    kernel.pwrite(device, iova, Long.BYTES, 0);
    assertThat(before.getIntLe(4)).as("the container has no IOMMU yet").isEqualTo(1);
    int type = VfioGroupUapi.VFIO_TYPE1v2_IOMMU;
    assertThat(kernel.ioctl(container, VfioGroupUapi.VFIO_SET_IOMMU, type)).isZero();
    assertThat(map(container, after)).isZero();
    after.putIntLe(0, 3);
    kernel.pwrite(device, iova, Long.BYTES, 0);
    assertThat(after.getIntLe(4)).isEqualTo(3);
    assertThat(before.getIntLe(4)).isEqualTo(1);
  }

  private int join(int group, int fd) {
    NativeBlock number = new NativeBlock(Integer.BYTES);
    number.putInt(0, fd);
    return kernel.ioctl(group, VfioGroupUapi.VFIO_GROUP_SET_CONTAINER, number);
  }

  private int map(int container, MappedMemory memory) {
    int access = VfioGroupUapi.VFIO_DMA_MAP_FLAG_READ | VfioGroupUapi.VFIO_DMA_MAP_FLAG_WRITE;
    VfioIommuType1DmaMap map =
        new VfioIommuType1DmaMap().flags(access).vaddr(memory.address()).size(memory.size());
    return kernel.ioctl(container, VfioGroupUapi.VFIO_IOMMU_MAP_DMA, map);
  }

  private int create(String parent, String type, String uuid) {
    String file = parent + "/mdev_supported_types/" + type + "/create";
    return kernel.writeFile(file, uuid.getBytes(US_ASCII));
  }

  private int remove(String text) {
    return kernel.writeFile(DEVICES + UUID + "/remove", text.getBytes(US_ASCII));
  }

  private String text(String file) {
    return new String(kernel.readFile(file).value(), US_ASCII);
  }

  /** Its devices copy the four bytes at an IOVA that is written to them to the next four. */
  private static final class CopyDriver implements MediatedDriver {
    private final List<String> made = new ArrayList<>();

    @Override
    public String name() {
      return "copy";
    }

    @Override
    public String deviceApi() {
      return "vfio-ccw";
    }

    @Override
    public List<MediatedType> types() {
      return List.of(new MediatedType("io", "Copies"));
    }

    @Override
    public Result<MediatedModel> create(MediatedType type, String uuid) {
      made.add(uuid);
      return Result.of(new CopyModel());
    }
  }

  private static final class CopyModel implements MediatedModel {
    private MediatedBus bus;
    private long low;

    @Override
    public void connect(MediatedBus mediatedBus) {
      bus = mediatedBus;
    }

    @Override
    public int regions() {
      return 1;
    }

    @Override
    public Optional<MediatedRegion> region(int index) {
      return Optional.of(
          new MediatedRegion(
              0,
              8,
              VfioDeviceUapi.VFIO_REGION_INFO_FLAG_READ
                  | VfioDeviceUapi.VFIO_REGION_INFO_FLAG_WRITE));
    }

    @Override
    public long read(long position, int width) {
      return 0;
    }

    @Override
    public void write(long position, int width, long value) {
      if (position == 0) {
        low = value;
        return;
      }
      long iova = (value << Integer.SIZE) | low;
      byte[] bytes = new byte[4];
      if (bus.readMemory(iova, bytes, 0, 4)) {
        bus.writeMemory(iova + 4, bytes, 0, 4);
      }
    }

    @Override
    public Map<String, MediatedAttribute> attributes() {
      return Map.of();
    }
  }
}
