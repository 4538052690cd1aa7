// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.trace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.ref.Reference;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.Function;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.AssignmentPolicy;
import org.vfio4j.bridge.CompatBridge;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.cdev.uapi.VfioCdevUapi;
import org.vfio4j.cdev.uapi.VfioDeviceBindIommufd;
import org.vfio4j.device.Interrupts;
import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.VfioPci;
import org.vfio4j.device.uapi.VfioDeviceFeature;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.dma.DirtyBitmap;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.group.Type1Iommu;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.iommufd.PagingHwpt;
import org.vfio4j.iommufd.uapi.IommuHwptInvalidate;
import org.vfio4j.iommufd.uapi.IommuViommuAlloc;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.ForwardingKernel;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.Roots;
import org.vfio4j.linux.SysfsDevice;
import org.vfio4j.linux.trace.TracingKernel;
import org.vfio4j.mdev.Mdev;
import org.vfio4j.mdev.MdevBus;
import org.vfio4j.mdev.MdevChange;
import org.vfio4j.mdev.MdevWatch;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.device.EduModel;
import org.vfio4j.testkit.device.MttyDriver;
import org.vfio4j.testkit.machine.KernelVersion;

/** What is written down of a program, and played to it again. */
class ReplayTest {
  private static final String ADDRESS = "0000:00:05.0";

  @TempDir Path folder;

  private final FakeKernel fake =
      FakeKernel.of(
          KernelVersion.LINUX_6_12,
          machine -> machine.device(ADDRESS, new EduModel()).inGroup(1).boundTo("vfio-pci"));

  /** Registers, an interrupt, and DMA from the device: all of it comes back. */
  private static String use(Kernel kernel, VfioMode mode, int n) {
    try (AssignedDevice edu = AssignedDevice.open(kernel, mode, PciAddress.of(ADDRESS));
        MappedRegion registers = edu.device().region(VfioPci.BAR0).map();
        Interrupts msi = edu.device().interrupts(VfioPci.MSI).enable(1);
        DmaBuffer buffer = edu.dma().allocate(8192)) {
      edu.device().config().enableBusMaster(true);
      registers.putIntLe(0x20, 0x80);
      registers.putIntLe(0x08, n);
      long count = msi.await(0, Duration.ofSeconds(5));
      buffer.memory().write(0, new byte[] {1, 2, 3, 4}, 0, 4);
      transfer(registers, buffer.iova(), EduModel.BUFFER, 1);
      transfer(registers, EduModel.BUFFER, buffer.iova() + 4096, 3);
      byte[] back = new byte[4];
      buffer.memory().read(4096, back, 0, 4);
      return registers.getIntLe(0x08) + " " + count + " " + List.of(back[0], back[3]);
    }
  }

  private static void transfer(MappedRegion registers, long from, long to, int command) {
    registers.putLongLe(0x80, from);
    registers.putLongLe(0x88, to);
    registers.putLongLe(0x90, 4);
    registers.putLongLe(0x98, command);
  }

  @ParameterizedTest
  @EnumSource(VfioMode.class)
  void replays(VfioMode mode) {
    Recorder recorder = Recorder.of(fake);
    assertThat(use(recorder.kernel(), mode, 5)).isEqualTo("120 1 [1, 4]");
    Path file = folder.resolve("trace");
    recorder.save(file);
    ReplayKernel replay = ReplayKernel.of(file);
    assertThat(use(replay, mode, 5)).isEqualTo("120 1 [1, 4]");
    replay.assertFinished();
  }

  @Test
  void anotherProgramIsTold() {
    Recorder recorder = Recorder.of(fake);
    use(recorder.kernel(), VfioMode.IOMMUFD, 5);
    ReplayKernel replay = ReplayKernel.of(recorder.lines());
    assertThatThrownBy(() -> use(replay, VfioMode.IOMMUFD, 6))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("of the recording has\n  store32(0x")
        .hasMessageContaining("+0x8, 0x5)\nand the program asks for\n  store32(0x")
        .hasMessageEndingWith("+0x8, 0x6)");
    assertThatThrownBy(replay::assertFinished)
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("the recording goes on in line");
    assertThatThrownBy(() -> ReplayKernel.of(List.of("nonsense")))
        .hasMessage("line 1 is no line of a trace: nonsense");
  }

  /** Arrays that an argument points to, and refusals. */
  @Test
  void readsWell() {
    Recorder recorder = Recorder.of(fake);
    String answers = ask(recorder.kernel());
    assertThat(answers).contains("EINVAL");
    assertThat(recorder.lines())
        .startsWith(
            "pageSize() = 4096",
            "roots() = 0 out:2f737973002f646576002f70726f63"
                + " # Roots[sys=/sys, dev=/dev, proc=/proc]",
            "open(\"/dev/iommu\", 0x2) = 3")
        .contains(
            "ioctl(3, 0x3b81, in:0c0000000000000000000000) = 0 out:0c0000000000000001000000"
                + " # IOMMU_IOAS_ALLOC size=12 flags=0 out_ioas_id=1",
            "close(3) = 0");
    assertThat(recorder.lines())
        .anyMatch(line -> line.contains(") = -22 EINVAL ") && line.contains("IOMMU_IOAS_UNMAP"))
        .anyMatch(
            line ->
                line.matches(
                    "ioctl.*, array:0+\\) = 0 out:.* array:0{16}f{16}0+ # IOMMU_IOAS_IOVA_RANGES.*"));
    ReplayKernel replay = ReplayKernel.of(recorder.lines());
    assertThat(ask(replay)).isEqualTo(answers);
    replay.assertFinished();
  }

  private static String ask(Kernel kernel) {
    try (Iommufd iommufd = Iommufd.open(kernel);
        Ioas ioas = iommufd.allocateIoas()) {
      String answer = ioas.allowedIovas().toString() + ioas.iovaAlignment();
      try {
        ioas.unmap(0, 0);
      } catch (VfioException e) {
        answer += e.errno().map(Errno::name).orElse("");
      }
      return answer + kernel.list("/dev/vfio").value() + kernel.readFile("/dev/none").code();
    }
  }

  /** What a program gets on a kernel, and what it gets from the recording of that. */
  private static void replays(FakeKernel kernel, Function<Kernel, String> program, String answer) {
    Recorder recorder = Recorder.of(kernel);
    assertThat(program.apply(recorder.kernel())).isEqualTo(answer);
    ReplayKernel replay = ReplayKernel.of(recorder.lines());
    assertThat(program.apply(replay)).isEqualTo(answer);
    replay.assertFinished();
  }

  /** Bits that the kernel sets in memory of the program, wherever that is this time. */
  @Test
  void replaysDirtyTrackingOfIommufd() {
    FakeKernel tracking =
        FakeKernel.of(
            KernelVersion.LINUX_6_12,
            machine -> {
              machine.iommu().dirtyTracking();
              machine.device(ADDRESS, new EduModel()).inGroup(1).boundTo("vfio-pci");
            });
    replays(tracking, ReplayTest::trackByPageTable, "[1] []");
  }

  private static String trackByPageTable(Kernel kernel) {
    try (Iommufd iommufd = Iommufd.open(kernel);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice edu =
            VfioCdev.find(SysfsDevice.pci(kernel, PciAddress.of(ADDRESS)))
                .open()
                .bind(iommufd, DeviceCookie.of(1));
        PagingHwpt hwpt = ioas.hwpt(edu.devId()).dirtyTracking().allocate();
        DmaBuffer buffer = ioas.allocate(4 * 4096);
        MappedRegion registers = edu.region(VfioPci.BAR0).map()) {
      edu.attach(hwpt);
      edu.config().enableBusMaster(true);
      hwpt.setDirtyTracking(true);
      DirtyBitmap bitmap = new DirtyBitmap(buffer.iova(), buffer.size(), 4096);
      hwpt.readDirty(bitmap);
      bitmap.clear();
      transfer(registers, EduModel.BUFFER, buffer.iova() + 4096, 3);
      hwpt.readDirty(bitmap);
      return written(bitmap) + " " + readAgain(bitmap, hwpt::readDirty);
    }
  }

  private static String readAgain(DirtyBitmap bitmap, Consumer<DirtyBitmap> read) {
    bitmap.clear();
    read.accept(bitmap);
    return written(bitmap);
  }

  /** The numbers of the pages. */
  private static String written(DirtyBitmap bitmap) {
    List<Long> pages = new ArrayList<>();
    for (long page = bitmap.nextDirty(0); page >= 0; page = bitmap.nextDirty(page + 1)) {
      pages.add(page);
    }
    return pages.toString();
  }

  /** The kernel shifts the bits of a mapping where they are, and so tells of some twice. */
  @Test
  void replaysDirtyTrackingOfType1() {
    replays(fake, ReplayTest::trackByContainer, "[5, 6] [5, 6, 10, 11]");
  }

  private static String trackByContainer(Kernel kernel) {
    try (AssignedDevice edu =
        AssignedDevice.open(kernel, VfioMode.VFIO_TYPE1V2_IOMMU, PciAddress.of(ADDRESS))) {
      Type1Iommu space = (Type1Iommu) edu.dma();
      MappedMemory memory = kernel.mmap(-1, 0, 2 * 4096, 3, 0x22).value();
      space.map(memory.address(), memory.size(), 0x5000, DmaAccess.READ_WRITE);
      space.startDirtyLogging();
      DirtyBitmap bitmap = new DirtyBitmap(0, 128 * 4096, 4096);
      space.readDirty(bitmap);
      String answer = written(bitmap) + " " + readAgain(bitmap, space::unmap);
      space.stopDirtyLogging();
      kernel.munmap(memory);
      return answer;
    }
  }

  /** Other calls whose arguments have addresses; all of which are refused here. */
  @Test
  void replaysOtherArrays() {
    replays(fake, ReplayTest::pointToArrays, "[-2, -25, -25, -25, -25]");
  }

  private static String pointToArrays(Kernel kernel) {
    int fd = kernel.open("/dev/iommu", Linux.O_RDWR);
    NativeBlock array = new NativeBlock(64);
    array.putLong(0, 5);
    long address = array.address();
    try {
      IommuHwptInvalidate invalidate = new IommuHwptInvalidate();
      invalidate.entryLen(16).entryNum(2).dataUptr(address);
      IommuViommuAlloc viommu = new IommuViommuAlloc().dataLen(32).dataUptr(address);
      VfioDeviceFeature start = new VfioDeviceFeature(24);
      start.flags(2 << 16 | VfioDeviceUapi.VFIO_DEVICE_FEATURE_DMA_LOGGING_START);
      start.putInt(16, 2);
      start.putLong(24, address);
      VfioDeviceFeature report = new VfioDeviceFeature(32);
      report.flags(1 << 16 | VfioDeviceUapi.VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT);
      report.putLong(16, 1 << 20);
      report.putLong(24, 4096);
      report.putLong(32, address);
      VfioDeviceBindIommufd bind = new VfioDeviceBindIommufd();
      bind.argsz(24).flags(VfioCdevUapi.VFIO_DEVICE_BIND_FLAG_TOKEN).tokenUuidPtr(address);
      return List.of(
              kernel.ioctl(fd, IommufdUapi.IOMMU_HWPT_INVALIDATE, invalidate),
              kernel.ioctl(fd, IommufdUapi.IOMMU_VIOMMU_ALLOC, viommu),
              kernel.ioctl(fd, VfioDeviceUapi.VFIO_DEVICE_FEATURE, start),
              kernel.ioctl(fd, VfioDeviceUapi.VFIO_DEVICE_FEATURE, report),
              kernel.ioctl(fd, VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD, bind))
          .toString();
    } finally {
      Reference.reachabilityFence(array);
      kernel.close(fd);
    }
  }

  @Test
  void replaysAWatch() {
    FakeKernel mediated =
        FakeKernel.of(
            KernelVersion.LINUX_6_12,
            machine -> machine.mediated(MttyDriver.PARENT, new MttyDriver()));
    UUID uuid = new UUID(1, 2);
    replays(
        mediated,
        kernel -> {
          MdevBus bus = MdevBus.of(kernel);
          try (MdevWatch watch = MdevWatch.on(bus, Duration.ofMinutes(1))) {
            Mdev mdev = bus.parent("mtty").type("mtty-1").create(uuid);
            List<MdevChange> added = watch.await(Duration.ofMinutes(1));
            mdev.remove();
            List<MdevChange> removed = watch.await(Duration.ofMinutes(1));
            return watch.hasUevents() + " " + added.get(0).kind() + " " + removed.get(0).kind();
          }
        },
        "true DEVICE_ADDED DEVICE_REMOVED");
  }

  /** What the bridge adds to an errno, recorded above it. */
  @Test
  void replaysExplanations() {
    Kernel bridge = CompatBridge.over(fake, AssignmentPolicy.STAGE_1);
    VfioMode mode = VfioMode.VFIO_TYPE1V2_IOMMU;
    try (AssignedDevice other = AssignedDevice.open(bridge, mode, PciAddress.of(ADDRESS))) {
      Recorder recorder = Recorder.of(bridge);
      String told = refusal(recorder.kernel(), mode);
      assertThat(told).startsWith("IN_USE").contains("a group can be open once");
      ReplayKernel replay = ReplayKernel.of(recorder.lines());
      assertThat(refusal(replay, mode)).isEqualTo(told);
      replay.assertFinished();
    }
  }

  private static String refusal(Kernel kernel, VfioMode mode) {
    try {
      AssignedDevice.open(kernel, mode, PciAddress.of(ADDRESS)).close();
      return "none";
    } catch (VfioException e) {
      return e.reason() + " " + e.getMessage();
    }
  }

  /** A container has the host's files elsewhere. */
  @Test
  void replaysWhereFilesAre() {
    Kernel elsewhere =
        new ForwardingKernel(fake) {
          @Override
          public Roots roots() {
            return new Roots("/host/sys", "/dev", "/proc");
          }
        };
    Recorder recorder = Recorder.of(elsewhere);
    String told = refusal(recorder.kernel(), VfioMode.IOMMUFD);
    assertThat(told).contains("/host/sys");
    assertThat(refusal(ReplayKernel.of(recorder.lines()), VfioMode.IOMMUFD)).isEqualTo(told);
  }

  @Test
  void flightRecorderShowsCalls() throws IOException {
    Path file = folder.resolve("recording.jfr");
    Kernel kernel = TracingKernel.over(fake).in(Ioctls.format());
    try (Recording recording = new Recording()) {
      recording.enable("org.vfio4j.KernelCall").withoutThreshold();
      recording.start();
      use(kernel, VfioMode.IOMMUFD, 4);
      recording.stop();
      recording.dump(file);
    }
    List<String> seen = new ArrayList<>();
    for (RecordedEvent event : RecordingFile.readAllEvents(file)) {
      if (event.getEventType().getName().equals("org.vfio4j.KernelCall")) {
        seen.add(event.getString("details") + " " + event.getLong("result"));
      }
    }
    assertThat(seen)
        .anyMatch(call -> call.startsWith("IOMMU_IOAS_MAP size=40 flags=6 ioas_id=1"))
        .anyMatch(call -> call.startsWith("VFIO_DEVICE_BIND_IOMMUFD argsz=16"))
        .hasSizeGreaterThan(20);
  }
}
