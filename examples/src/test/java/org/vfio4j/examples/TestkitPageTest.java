// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.testkit.assertion.VfioAssertions.assertRefused;
import static org.vfio4j.testkit.assertion.VfioAssertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.vfio4j.Errno;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.device.Interrupts;
import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.VfioPci;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.examples.edu.EduDriver;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.device.DeviceBus;
import org.vfio4j.testkit.device.DeviceModel;
import org.vfio4j.testkit.device.EduModel;
import org.vfio4j.testkit.device.InertModel;
import org.vfio4j.testkit.device.PciFunction;
import org.vfio4j.testkit.device.PciFunction.Space;
import org.vfio4j.testkit.failure.FailingKernel;
import org.vfio4j.testkit.failure.Failure;
import org.vfio4j.testkit.junit.FailEveryCall;
import org.vfio4j.testkit.junit.FakeVfio;
import org.vfio4j.testkit.junit.VfioModeTest;
import org.vfio4j.testkit.machine.KernelVersion;
import org.vfio4j.testkit.trace.Recorder;
import org.vfio4j.testkit.trace.ReplayKernel;

/** All the Java of {@code docs/testkit.md}. */
class TestkitPageTest {
  private static final PciAddress ADDRESS = PciAddress.of("0000:00:05.0");

  /** Block by block, but for white space. */
  @Test
  void thePageShowsWhatIsHere() throws IOException {
    String here =
        squeezed(
            Files.readString(Path.of("src/test/java/org/vfio4j/examples/TestkitPageTest.java")));
    List<String> blocks =
        Pattern.compile("(?ms)^```java\\R(.*?)^```$")
            .matcher(Files.readString(Path.of("../docs/testkit.md")))
            .results()
            .map((MatchResult block) -> block.group(1))
            .toList();
    assertThat(blocks).hasSize(9);
    for (String block : blocks) {
      assertThat(here).contains(squeezed(block));
    }
  }

  private static String squeezed(String code) {
    return code.replaceAll("\\s", "");
  }

  @Nested
  class FactorialTest {
    @RegisterExtension
    final FakeVfio vfio =
        FakeVfio.with(
            machine ->
                machine.device("0000:00:05.0", new EduModel()).inGroup(5).boundTo("vfio-pci"));

    @Test
    void computes(Kernel kernel) {
      try (AssignedDevice edu =
              AssignedDevice.open(kernel, VfioMode.IOMMUFD, PciAddress.of("0000:00:05.0"));
          EduDriver driver = new EduDriver(edu.device())) {
        assertThat(driver.factorial(5)).isEqualTo(120);
      }
    }
  }

  @Nested
  class Modes {
    @RegisterExtension
    final FakeVfio vfio =
        FakeVfio.with(
            machine ->
                machine.device("0000:00:05.0", new EduModel()).inGroup(5).boundTo("vfio-pci"));

    @VfioModeTest
    void computesInEveryMode(Kernel kernel, VfioMode mode) {
      try (AssignedDevice edu = AssignedDevice.open(kernel, mode, PciAddress.of("0000:00:05.0"));
          EduDriver driver = new EduDriver(edu.device())) {
        assertThat(driver.factorial(5)).isEqualTo(120);
      }
    }

    @VfioModeTest
    @FailEveryCall
    void survives(Kernel kernel, VfioMode mode) {
      try (AssignedDevice edu = AssignedDevice.open(kernel, mode, PciAddress.of("0000:00:05.0"));
          EduDriver driver = new EduDriver(edu.device())) {
        driver.factorial(5);
      }
    }
  }

  @Test
  void machines() {
    FakeKernel kernel =
        FakeKernel.of(
            KernelVersion.LINUX_6_1,
            machine -> {
              machine.device("0000:00:05.0", new EduModel()).inGroup(1).boundTo("vfio-pci");
              machine
                  .device("0000:00:1f.0", new InertModel(PciFunction.of(0x8086, 0x2918)))
                  .inGroup(8);
              machine
                  .device("0000:00:1f.2", new InertModel(PciFunction.of(0x8086, 0x2922)))
                  .inGroup(8)
                  .boundTo("ahci");
              machine.user(1000, 44).memlock(8 << 20).openFiles(256);
              machine.node("/dev/vfio/1", 0, 44, 0660);
            });
    AssignedDevice.open(kernel, VfioMode.VFIO_TYPE1V2_IOMMU, ADDRESS).close();
    assertRefused(() -> Iommufd.open(kernel))
        .because(Reason.NOT_IN_KERNEL)
        .with(Errno.ENOENT)
        .saying("/dev/iommu");
  }

  /** Adds up the 32-bit numbers at an address: register 0 takes it, 8 the count; 16 has the sum. */
  static final class AdderModel implements DeviceModel {
    private DeviceBus bus;
    private long address;
    private long sum;

    @Override
    public PciFunction function() {
      return PciFunction.of(0x1234, 0x0001).bar(0, 4096, Space.MEMORY).msi(1);
    }

    @Override
    public void connect(DeviceBus deviceBus) {
      bus = deviceBus;
    }

    @Override
    public long read(int bar, long offset, int width) {
      return offset == 16 ? sum : 0;
    }

    @Override
    public void write(int bar, long offset, int width, long value) {
      if (offset == 0) {
        address = value;
      } else if (offset == 8) {
        add((int) value);
      }
    }

    private void add(int count) {
      byte[] numbers = new byte[count * Integer.BYTES];
      sum = -1;
      if (bus.readMemory(address, numbers, 0, numbers.length)) {
        ByteBuffer values = ByteBuffer.wrap(numbers).order(ByteOrder.LITTLE_ENDIAN);
        sum = 0;
        while (values.hasRemaining()) {
          sum += values.getInt();
        }
      }
      bus.message(0);
    }

    @Override
    public void reset() {
      sum = 0;
    }
  }

  @Test
  void anOwnModel() {
    FakeKernel kernel =
        FakeKernel.of(
            KernelVersion.LINUX_6_12,
            machine ->
                machine.device("0000:00:05.0", new AdderModel()).inGroup(1).boundTo("vfio-pci"));
    try (AssignedDevice adder = AssignedDevice.open(kernel, VfioMode.IOMMUFD, ADDRESS);
        MappedRegion registers = adder.device().region(VfioPci.BAR0).map();
        Interrupts msi = adder.device().interrupts(VfioPci.MSI).enable(1);
        DmaBuffer numbers = adder.dma().allocate(4096)) {
      adder.device().config().enableBusMaster(true);
      numbers.memory().putIntLe(0, 40);
      numbers.memory().putIntLe(4, 2);
      registers.putLongLe(0, numbers.iova());
      registers.putLongLe(8, 2);
      assertThat(msi.await(0, Duration.ofSeconds(1))).isEqualTo(1);
      assertThat(registers.getLongLe(16)).isEqualTo(42);

      registers.putLongLe(0, 0xdead000);
      registers.putLongLe(8, 1);
    }
    assertThat(kernel).hadDmaFaultAt(0xdead000).holdsNothing();
  }

  private static FakeKernel withEdu() {
    return FakeKernel.of(
        KernelVersion.LINUX_6_12,
        machine -> machine.device("0000:00:05.0", new EduModel()).inGroup(1).boundTo("vfio-pci"));
  }

  @Test
  void oneFailure() {
    FakeKernel kernel = withEdu();
    Kernel failing =
        FailingKernel.over(
            kernel, Failure.ofIoctl(IommufdUapi.IOMMU_IOAS_MAP, 2).with(Errno.ENOSPC));
    try (Iommufd iommufd = Iommufd.open(failing);
        Ioas ioas = iommufd.allocateIoas();
        DmaBuffer first = ioas.allocate(4096)) {
      assertThat(first.memory().size()).isEqualTo(4096);
      assertRefused(() -> ioas.allocate(4096)).with(Errno.ENOSPC);
      assertThat(ioas.tryMap(first.memory().address(), 4096, 1 << 20, DmaAccess.READ)).isZero();
    }
    assertThat(failing.open("/dev/none", Linux.O_RDWR)).isEqualTo(Errno.ENOENT.result());
  }

  private static long identify(Kernel kernel) {
    try (AssignedDevice edu = AssignedDevice.open(kernel, VfioMode.IOMMUFD, ADDRESS);
        EduDriver driver = new EduDriver(edu.device())) {
      return driver.identification();
    }
  }

  @Test
  void replay(@TempDir Path folder) {
    Kernel kernel = withEdu();
    Path file = folder.resolve("trace");
    Recorder recorder = Recorder.of(kernel);
    long seen = identify(recorder.kernel());
    recorder.save(file);

    ReplayKernel replay = ReplayKernel.of(file);
    assertThat(identify(replay)).isEqualTo(seen);
    replay.assertFinished();
  }
}
