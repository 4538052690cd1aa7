// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.vfio4j.testkit.assertion.VfioAssertions.assertRefused;
import static org.vfio4j.testkit.assertion.VfioAssertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vfio4j.Errno;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.device.Interrupts;
import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.VfioPci;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.EventFd;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.PciDriver;
import org.vfio4j.testkit.device.EduModel;
import org.vfio4j.testkit.device.NvmeModel;
import org.vfio4j.testkit.device.RamModel;
import org.vfio4j.testkit.machine.KernelVersion;
import org.vfio4j.testkit.machine.Machine;

/** Machines that change, and processes that may not do everything. */
class TopologyTest {
  private static final String ADDRESS = "0000:00:05.0";
  private static final String FOLDER = "/sys/bus/pci/devices/" + ADDRESS;

  private static void edu(Machine machine) {
    machine.device(ADDRESS, new EduModel()).inGroup(1).boundTo("vfio-pci");
  }

  private static FakeKernel kernel() {
    return FakeKernel.of(KernelVersion.LINUX_6_12, TopologyTest::edu);
  }

  private static int write(FakeKernel kernel, String path, String text) {
    return kernel.writeFile(path, text.getBytes(StandardCharsets.UTF_8));
  }

  @ParameterizedTest
  @EnumSource(VfioMode.class)
  void aDeviceIsPulledOut(VfioMode mode) {
    FakeKernel kernel = kernel();
    try (AssignedDevice edu = AssignedDevice.open(kernel, mode, PciAddress.of(ADDRESS));
        MappedRegion registers = edu.device().region(VfioPci.BAR0).map();
        Interrupts request = edu.device().interrupts(VfioPci.REQ).enable(1);
        DmaBuffer buffer = edu.dma().allocate(4096)) {
      kernel.unplug(ADDRESS);
      assertThat(request.await(0, Duration.ofSeconds(1))).isEqualTo(1);
      assertThat(registers.getIntLe(0)).isEqualTo(-1);
      registers.putIntLe(0x08, 5);
      assertThat(edu.device().region(VfioPci.BAR0).getIntLe(0)).isEqualTo(-1);
      assertThat(kernel.list("/dev/vfio/devices").value()).isEmpty();
      assertThat(kernel.list(FOLDER).isOk()).isTrue();
      // Unmapping works as ever.
      assertThat(buffer.iova()).isNotZero();
    }
    assertThat(kernel.list(FOLDER).errno()).isEqualTo(Errno.ENOENT);
    assertThat(kernel.list("/sys/kernel/iommu_groups").value()).isEmpty();
    assertThat(kernel.list("/dev/vfio").value()).containsExactly("devices", "vfio");
    assertThat(kernel).holdsNothing();
    assertRefused(() -> AssignedDevice.open(kernel, mode, PciAddress.of(ADDRESS)))
        .because(Reason.NO_SUCH_DEVICE);

    kernel.plug(ADDRESS);
    assertRefused(() -> AssignedDevice.open(kernel, mode, PciAddress.of(ADDRESS)))
        .because(Reason.WRONG_DRIVER);
    PciDriver.bind(kernel, PciAddress.of(ADDRESS), PciDriver.VFIO_PCI);
    AssignedDevice.open(kernel, mode, PciAddress.of(ADDRESS)).close();
  }

  /** The host waits for who has the device open, of which the link of the driver goes first. */
  private static CompletableFuture<Integer> takeAway(FakeKernel kernel, String file, String text)
      throws InterruptedException {
    CompletableFuture<Integer> taken =
        CompletableFuture.supplyAsync(() -> write(kernel, FOLDER + "/" + file, text));
    while (kernel.readLink(FOLDER + "/driver").isOk()) {
      Thread.sleep(1);
    }
    return taken;
  }

  /** The host is at it already when the cable is pulled, and when it is plugged in again. */
  @Test
  void isPulledOutWhileItIsUnbound() throws Exception {
    FakeKernel kernel = FakeKernel.of(KernelVersion.LINUX_6_12, TopologyTest::edu);
    CompletableFuture<Integer> unbound;
    try (AssignedDevice edu =
        AssignedDevice.open(kernel, VfioMode.IOMMUFD, PciAddress.of(ADDRESS))) {
      unbound = takeAway(kernel, "driver/unbind", ADDRESS);
      kernel.unplug(ADDRESS);
      kernel.unplug(ADDRESS);
      kernel.plug(ADDRESS);
      assertThat(edu.device().region(VfioPci.BAR0).getIntLe(0)).isEqualTo(-1);
      assertThat(unbound.isDone()).isFalse();
    }
    assertThat(unbound.get(20, TimeUnit.SECONDS)).isEqualTo(ADDRESS.length());
    // What was plugged in is another one.
    assertThat(kernel.readLink(FOLDER + "/driver").errno()).isEqualTo(Errno.ENOENT);
    PciDriver.bind(kernel, PciAddress.of(ADDRESS), PciDriver.VFIO_PCI);
    AssignedDevice.open(kernel, VfioMode.IOMMUFD, PciAddress.of(ADDRESS)).close();
    assertThat(kernel).holdsNothing();
  }

  /** As long as the host waits for another one, one that was pulled out is there: full of ones. */
  @Test
  void isPulledOutWhileAnotherIsRemoved() throws Exception {
    PciAddress other = PciAddress.of("0000:00:06.0");
    FakeKernel kernel =
        FakeKernel.of(
            KernelVersion.LINUX_6_12,
            machine -> {
              edu(machine);
              NvmeModel nvme = new NvmeModel("here", 1 << 20);
              machine.device(other.toString(), nvme).inGroup(4).boundTo("vfio-pci");
            });
    CompletableFuture<Integer> removed;
    try (AssignedDevice edu =
        AssignedDevice.open(kernel, VfioMode.IOMMUFD, PciAddress.of(ADDRESS))) {
      removed = takeAway(kernel, "remove", "1");
      kernel.unplug(other.toString());
      try (AssignedDevice nvme = AssignedDevice.open(kernel, VfioMode.IOMMUFD, other)) {
        assertThat(nvme.device().region(VfioPci.BAR0).getIntLe(0)).isEqualTo(-1);
        assertThat(nvme.device().region(VfioPci.CONFIG).getIntLe(0x40)).isEqualTo(-1);
      }
      assertThat(edu.device().isClosed()).isFalse();
    }
    assertThat(removed.get(20, TimeUnit.SECONDS)).isEqualTo(1);
    assertThat(kernel.list("/sys/bus/pci/devices").value()).isEmpty();
    assertThat(kernel).holdsNothing();
  }

  /** A physical function goes when its virtual ones have, and pulling it out waits for nobody. */
  @Test
  void isPulledOutWhileAVirtualFunctionIsOpen() {
    FakeKernel kernel =
        FakeKernel.of(
            KernelVersion.LINUX_6_12,
            machine -> {
              NvmeModel nvme = new NvmeModel("here", 1 << 20).withVirtualFunctions(2);
              machine.device(ADDRESS, nvme).inGroup(1).boundTo("nvme");
            });
    PciAddress function = PciAddress.of("0000:00:05.1");
    assertThat(write(kernel, FOLDER + "/sriov_numvfs", "2")).isEqualTo(1);
    PciDriver.bind(kernel, function, PciDriver.VFIO_PCI);
    try (AssignedDevice open = AssignedDevice.open(kernel, VfioMode.IOMMUFD, function)) {
      kernel.unplug(ADDRESS);
      assertThat(open.device().isClosed()).isFalse();
      assertThat(kernel.list(FOLDER).isOk()).isTrue();
    }
    assertThat(kernel.list("/sys/bus/pci/devices").value()).isEmpty();
    assertThat(kernel).holdsNothing();
  }

  @Test
  void removedAndFoundAgain() {
    FakeKernel kernel =
        FakeKernel.of(
            KernelVersion.LINUX_6_12,
            machine -> {
              machine.device(ADDRESS, new RamModel(4096)).inGroup(3).boundTo("memcard");
              machine.device("0000:00:06.0", new RamModel(4096)).inGroup(3);
            });
    assertThat(write(kernel, FOLDER + "/remove", "-1")).isEqualTo(Errno.EINVAL.result());
    assertThat(write(kernel, FOLDER + "/remove", "1\n")).isEqualTo(2);
    assertThat(kernel.list("/sys/bus/pci/devices").value()).containsExactly("0000:00:06.0");
    assertThat(kernel.list("/sys/kernel/iommu_groups/3/devices").value())
        .containsExactly("0000:00:06.0");
    assertThat(kernel.list("/sys/bus/pci/drivers/memcard").value())
        .containsExactly("bind", "unbind");
    assertThat(write(kernel, "/sys/bus/pci/rescan", "1")).isEqualTo(1);
    assertThat(kernel.readLink(FOLDER + "/driver").value()).endsWith("memcard");
    assertThat(kernel.list("/sys/kernel/iommu_groups/3/devices").value())
        .containsExactly(ADDRESS, "0000:00:06.0");
    assertThatThrownBy(() -> kernel.unplug("0000:00:07.0")).hasMessageContaining("0000:00:07.0");
  }

  @Test
  void aUserIsKeptOut() {
    FakeKernel kernel =
        FakeKernel.of(
            KernelVersion.LINUX_6_12,
            machine -> {
              edu(machine);
              machine.user(1000, 1000);
            });
    for (VfioMode mode : VfioMode.all()) {
      assertRefused(() -> AssignedDevice.open(kernel, mode, PciAddress.of(ADDRESS)))
          .because(Reason.NO_PERMISSION)
          .with(Errno.EACCES);
    }
    assertThat(kernel.open("/dev/vfio/vfio", Linux.O_RDWR)).isEqualTo(3);
    assertThat(write(kernel, FOLDER + "/driver/unbind", ADDRESS)).isEqualTo(Errno.EACCES.result());
    assertThat(kernel.readFile(FOLDER + "/vendor").isOk()).isTrue();
    assertThat(kernel.readFile(FOLDER + "/config").value()).hasSize(64);
    assertThat(kernel.readFile("/proc/self/status").isOk()).isTrue();
  }

  /** With what udev gives to a group, and the memory that the limits allow. */
  @Test
  void aUserIsLetIn() {
    FakeKernel kernel =
        FakeKernel.of(
            KernelVersion.LINUX_6_12,
            machine -> {
              edu(machine);
              machine
                  .user(1000, 44)
                  .memlock(8192)
                  .node("/dev/iommu", 0, 44, 0660)
                  .node("/dev/vfio/1", 0, 44, 0660)
                  .node("/dev/vfio/devices/vfio0", 1000, 0, 0400);
            });
    try (AssignedDevice edu =
            AssignedDevice.open(kernel, VfioMode.VFIO_TYPE1V2_IOMMU, PciAddress.of(ADDRESS));
        DmaBuffer buffer = edu.dma().allocate(8192)) {
      assertThat(buffer.size()).isEqualTo(8192);
      assertRefused(() -> edu.dma().allocate(4096)).because(Reason.LIMIT).with(Errno.ENOMEM);
    }
    assertRefused(() -> AssignedDevice.open(kernel, VfioMode.IOMMUFD, PciAddress.of(ADDRESS)))
        .because(Reason.NO_PERMISSION);
    assertThat(kernel).holdsNothing();
  }

  @Test
  void descriptorsRunOut() {
    FakeKernel kernel = FakeKernel.of(KernelVersion.LINUX_6_12, machine -> machine.openFiles(5));
    try (Iommufd first = Iommufd.open(kernel);
        EventFd second = EventFd.create(kernel, "test")) {
      assertRefused(() -> Iommufd.open(kernel)).because(Reason.LIMIT).with(Errno.EMFILE);
      assertRefused(first::duplicateFd).with(Errno.EMFILE);
      assertThat(kernel.list("/dev").errno()).isEqualTo(Errno.EMFILE);
    }
    assertThat(new String(kernel.readFile("/proc/self/limits").value(), StandardCharsets.UTF_8))
        .containsPattern("Max open files +5 +5 +files");
  }

  /** A description that is forgotten half of says so. */
  @Test
  void aMachineThatCannotBe() {
    assertThatThrownBy(
            () ->
                FakeKernel.of(
                    KernelVersion.LINUX_6_12,
                    machine -> machine.device(ADDRESS, new EduModel()).boundTo("vfio-pci")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(
            ADDRESS + " cannot be bound to vfio-pci: EINVAL, for it has no group");
  }
}
