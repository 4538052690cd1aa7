// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.trace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
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
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.device.Interrupts;
import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.VfioPci;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.trace.TracingKernel;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.device.EduModel;
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
        .startsWith("pageSize() = 4096", "open(\"/dev/iommu\", 0x2) = 3")
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
