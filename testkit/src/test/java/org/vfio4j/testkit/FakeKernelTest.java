// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PollSet;
import org.vfio4j.linux.Result;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;
import org.vfio4j.testkit.device.EduModel;
import org.vfio4j.testkit.machine.KernelVersion;

/** Files, descriptors, waiting and memory. */
class FakeKernelTest {
  private final FakeKernel kernel =
      FakeKernel.of(
          KernelVersion.LINUX_6_12,
          machine -> {
            machine.device("0000:00:05.0", new EduModel()).inGroup(1).boundTo("vfio-pci");
            machine.device("0000:00:06.0", new EduModel()).inGroup(2);
          });

  private final NativeBlock number = new NativeBlock(Long.BYTES);

  @Test
  void theLowestFreeDescriptorIsNext() {
    assertThat(kernel.open("/dev/null", Linux.O_RDWR)).isEqualTo(3);
    assertThat(kernel.dup(3)).isEqualTo(4);
    assertThat(kernel.eventfd(0, 0)).isEqualTo(5);
    assertThat(kernel.close(4)).isZero();
    assertThat(kernel.close(4)).isEqualTo(Errno.EBADF.result());
    assertThat(kernel.open("/dev/iommu", Linux.O_RDWR)).isEqualTo(4);
    assertThat(kernel.readLink("/proc/self/fd/4").value()).isEqualTo("/dev/iommu");
    assertThat(kernel.list("/proc/self/fd").value()).contains("0", "1", "2", "3", "4", "5");
  }

  @Test
  void aDuplicateKeepsTheFileOpen() {
    int fd = kernel.eventfd(3, 0);
    int same = kernel.dup(fd);
    kernel.close(fd);
    assertThat(kernel.read(same, number, Long.BYTES)).isEqualTo(Long.BYTES);
    assertThat(number.getLong(0)).isEqualTo(3);
    assertThat(kernel.read(fd, number, Long.BYTES)).isEqualTo(Errno.EBADF.result());
  }

  @Test
  void eventFdsCount() {
    int fd = kernel.eventfd(0, Linux.EFD_NONBLOCK);
    assertThat(kernel.read(fd, number, Long.BYTES)).isEqualTo(Errno.EAGAIN.result());
    assertThat(kernel.read(fd, number, 4)).isEqualTo(Errno.EINVAL.result());
    number.putLong(0, -1);
    assertThat(kernel.write(fd, number, Long.BYTES)).isEqualTo(Errno.EINVAL.result());
    number.putLong(0, -2);
    assertThat(kernel.write(fd, number, Long.BYTES)).isEqualTo(Long.BYTES);
    number.putLong(0, 1);
    assertThat(kernel.write(fd, number, Long.BYTES)).isEqualTo(Errno.EAGAIN.result());
    assertThat(kernel.read(fd, number, Long.BYTES)).isEqualTo(Long.BYTES);
    assertThat(number.getLong(0)).isEqualTo(-2);
    assertThat(kernel.eventfd(0, 4)).isEqualTo(Errno.EINVAL.result());
  }

  @Test
  void pollWaits() throws Exception {
    int fd = kernel.eventfd(0, 0);
    PollSet poll = new PollSet(2);
    poll.set(0, fd, Linux.POLLIN);
    poll.set(1, 999, Linux.POLLIN);
    assertThat(poll.poll(kernel, 0)).isEqualTo(1);
    assertThat(poll.events(1)).isEqualTo(Linux.POLLNVAL);
    poll.set(1, -1, Linux.POLLIN);
    long start = System.nanoTime();
    assertThat(poll.poll(kernel, 20_000_000)).isZero();
    assertThat(System.nanoTime() - start).isGreaterThanOrEqualTo(20_000_000);
    CompletableFuture<Integer> waiting = CompletableFuture.supplyAsync(() -> poll.poll(kernel, -1));
    number.putLong(0, 1);
    kernel.write(fd, number, Long.BYTES);
    assertThat(waiting.get(20, TimeUnit.SECONDS)).isEqualTo(1);
    assertThat(poll.events(0)).isEqualTo(Linux.POLLIN);
  }

  @Test
  void aBlockingReadWaits() throws Exception {
    int fd = kernel.eventfd(0, 0);
    NativeBlock read = new NativeBlock(Long.BYTES);
    CompletableFuture<Long> reading =
        CompletableFuture.supplyAsync(() -> kernel.read(fd, read, Long.BYTES));
    number.putLong(0, 7);
    kernel.write(fd, number, Long.BYTES);
    assertThat(reading.get(20, TimeUnit.SECONDS)).isEqualTo(Long.BYTES);
    assertThat(read.getLong(0)).isEqualTo(7);
  }

  @Test
  void pathsFailAsInLinux() {
    assertThat(kernel.open("/dev/nothing", 0)).isEqualTo(Errno.ENOENT.result());
    assertThat(kernel.open("/dev/null/x", 0)).isEqualTo(Errno.ENOTDIR.result());
    assertThat(kernel.open("/sys", Linux.O_RDWR)).isEqualTo(Errno.EISDIR.result());
    String device = "/sys/bus/pci/devices/0000:00:05.0/";
    assertThat(text(device + "vendor")).isEqualTo("0x1234\n");
    assertThat(kernel.readFile("/sys").errno()).isEqualTo(Errno.EISDIR);
    assertThat(kernel.readFile("/sys/bus/pci/drivers_probe").errno()).isEqualTo(Errno.EACCES);
    assertThat(write(device + "vendor", "1")).isEqualTo(Errno.EACCES.result());
    assertThat(kernel.readLink(device + "vendor").errno()).isEqualTo(Errno.EINVAL);
    assertThat(kernel.list(device + "vendor").errno()).isEqualTo(Errno.ENOTDIR);
    assertThat(kernel.list(device + "iommu_group/devices").value()).containsExactly("0000:00:05.0");
    int fd = kernel.open(device + "vendor", 0);
    assertThat(kernel.pread(fd, number, 2, 2)).isEqualTo(2);
    assertThat(kernel.read(fd, number, 7)).isEqualTo(7);
    assertThat(kernel.read(fd, number, 7)).isZero();
  }

  @Test
  void driversAreBoundByWriting() {
    String device = "/sys/bus/pci/devices/0000:00:06.0/";
    assertThat(write("/sys/bus/pci/drivers/vfio-pci/bind", "0000:00:06.0"))
        .isEqualTo(Errno.ENODEV.result());
    assertThat(text(device + "driver_override")).isEqualTo("(null)\n");
    assertThat(write(device + "driver_override", "vfio-pci\n")).isEqualTo(9);
    assertThat(write("/sys/bus/pci/drivers_probe", "0000:00:06.0")).isEqualTo(12);
    assertThat(kernel.readLink(device + "driver").value()).endsWith("/bus/pci/drivers/vfio-pci");
    assertThat(kernel.list("/dev/vfio").value()).containsExactly("1", "2", "devices", "vfio");
    assertThat(kernel.list(device + "vfio-dev").value()).containsExactly("vfio1");
    assertThat(write("/sys/bus/pci/drivers/vfio-pci/bind", "0000:00:06.0"))
        .isEqualTo(Errno.EBUSY.result());
    assertThat(write(device + "driver/unbind", "0000:00:06.0")).isEqualTo(12);
    assertThat(kernel.list("/dev/vfio").value()).containsExactly("1", "devices", "vfio");
    assertThat(write("/sys/bus/pci/drivers_probe", "0000:00:0f.0"))
        .isEqualTo(Errno.ENODEV.result());
  }

  @Test
  void memoryIsThatOfTheProcess() {
    Result<MappedMemory> mapped =
        kernel.mmap(
            -1,
            0,
            4096,
            Linux.PROT_READ | Linux.PROT_WRITE,
            Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS);
    MappedMemory memory = mapped.value();
    memory.putLongLe(8, 42);
    assertThat(memory.getLongLe(8)).isEqualTo(42);
    assertThat(memory.address()).isPositive();
    assertThat(kernel.munmap(memory)).isZero();
    assertThat(kernel.munmap(memory)).isZero();
    assertThat(memory.isUnmapped()).isTrue();
    assertThat(kernel.mmap(-1, 0, 4096, 1, Linux.MAP_SHARED).errno()).isEqualTo(Errno.EBADF);
    assertThat(kernel.mmap(0, 0, 4096, 1, Linux.MAP_SHARED).errno()).isEqualTo(Errno.ENODEV);
  }

  /** Each release has what it had. */
  @Test
  void releases() {
    List<String> seen = new ArrayList<>();
    for (KernelVersion version : KernelVersion.values()) {
      FakeKernel old =
          FakeKernel.of(
              version,
              machine ->
                  machine.device("0000:00:05.0", new EduModel()).inGroup(1).boundTo("vfio-pci"));
      String folder = "/sys/bus/pci/devices/0000:00:05.0/vfio-dev";
      seen.add(
          version
              + ": "
              + old.open("/dev/iommu", Linux.O_RDWR)
              + " "
              + old.list(folder).isOk()
              + " "
              + old.readFile(folder + "/vfio0/dev").isOk()
              + " "
              + old.list("/dev/vfio").value());
    }
    assertThat(seen)
        .containsExactly(
            "Linux 5.15: -2 false false [1, vfio]",
            "Linux 6.1: -2 true false [1, vfio]",
            "Linux 6.2: 3 true false [1, vfio]",
            "Linux 6.6: 3 true true [1, devices, vfio]",
            "Linux 6.7: 3 true true [1, devices, vfio]",
            "Linux 6.11: 3 true true [1, devices, vfio]",
            "Linux 6.12: 3 true true [1, devices, vfio]",
            "Linux 6.13: 3 true true [1, devices, vfio]",
            "Linux 6.15: 3 true true [1, devices, vfio]",
            "Linux 6.17: 3 true true [1, devices, vfio]",
            "Linux 7.3: 3 true true [1, devices, vfio]");
  }

  private String text(String path) {
    return new String(kernel.readFile(path).value(), StandardCharsets.UTF_8);
  }

  private int write(String path, String text) {
    return kernel.writeFile(path, text.getBytes(StandardCharsets.UTF_8));
  }
}
