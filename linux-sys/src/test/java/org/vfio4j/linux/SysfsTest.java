// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.mockito.AdditionalAnswers.delegatesTo;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.eq;
import static org.mockito.Mockito.doAnswer;
import static org.mockito.Mockito.doReturn;
import static org.mockito.Mockito.mock;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

/** What reads /sys and /proc, on folders that look like them. */
class SysfsTest {
  private static final PciAddress EDU = PciAddress.of("00:05.0");

  @TempDir private Path root;
  private Kernel kernel;
  private final List<String> writes = new ArrayList<>();
  private String boundByProbe = "vfio-pci";

  @BeforeEach
  void makeFolders() throws IOException {
    Roots roots = new Roots(root + "/sys", root + "/dev", root + "/proc");
    kernel = mock(Kernel.class, delegatesTo(Kernel.host(roots)));
    put("sys/devices/pci0000:00/0000:00:05.0/vendor", "0x1234\n");
    put("sys/devices/pci0000:00/0000:00:05.0/driver_override", "(null)\n");
    put("sys/kernel/iommu_groups/7/type", "DMA\n");
    put("sys/bus/pci/drivers/vfio-pci/unbind", "");
    put("sys/bus/pci/drivers/edu/unbind", "");
    put("sys/bus/pci/drivers_probe", "");
    link("sys/bus/pci/devices/0000:00:05.0", "../../../devices/pci0000:00/0000:00:05.0");
    link("sys/devices/pci0000:00/0000:00:05.0/driver", "../../../bus/pci/drivers/edu");
    link("sys/devices/pci0000:00/0000:00:05.0/iommu_group", "../../../kernel/iommu_groups/7");
    link(
        "sys/kernel/iommu_groups/7/devices/0000:00:05.0",
        "../../../../devices/pci0000:00/0000:00:05.0");
    // A driver that comes and goes, as the kernel has it.
    doAnswer(
            call -> {
              String path = call.getArgument(0);
              String text = new String(call.<byte[]>getArgument(1), StandardCharsets.US_ASCII);
              writes.add(path.substring(path.lastIndexOf('/') + 1) + "=" + text.strip());
              Path driver = root.resolve("sys/devices/pci0000:00/0000:00:05.0/driver");
              if (path.endsWith("/driver/unbind")) {
                Files.delete(driver);
              } else if (path.endsWith("/drivers_probe") && !boundByProbe.isEmpty()) {
                Files.createSymbolicLink(
                    driver, Path.of("../../../bus/pci/drivers/" + boundByProbe));
              }
              return text.length();
            })
        .when(kernel)
        .writeFile(any(), any());
  }

  private void put(String path, String content) throws IOException {
    Files.createDirectories(root.resolve(path).getParent());
    Files.writeString(root.resolve(path), content);
  }

  private void link(String path, String target) throws IOException {
    Files.createDirectories(root.resolve(path).getParent());
    Files.deleteIfExists(root.resolve(path));
    Files.createSymbolicLink(root.resolve(path), Path.of(target));
  }

  @Test
  void showsWhatSysfsShows() {
    SysfsDevice device = SysfsDevice.pci(kernel, EDU);
    assertThat(device.name()).isEqualTo("0000:00:05.0");
    assertThat(device.attribute("vendor")).contains("0x1234");
    assertThat(device.attribute("device")).isEmpty();
    assertThat(device.driver()).contains("edu");
    assertThat(device.iommuGroup()).hasValue(7);
    assertThat(device.iommuGroupDevices())
        .extracting(SysfsDevice::name)
        .containsExactly("0000:00:05.0");
    assertThat(device.iommuGroupDevices().get(0).attribute("vendor")).contains("0x1234");
    assertThat(device.list("nothing")).isEmpty();
    SysfsDevice same = SysfsDevice.at(kernel, root + "/sys/devices/pci0000:00/0000:00:05.0/");
    assertThat(same.name()).isEqualTo("0000:00:05.0");
  }

  @Test
  void aLinkOfAnotherNameLeadsToTheNameOfTheDevice() throws IOException {
    link("sys/class/vfio-dev/vfio0/device", "../../../devices/pci0000:00/0000:00:05.0");
    SysfsDevice device = SysfsDevice.at(kernel, root + "/sys/class/vfio-dev/vfio0/device");
    assertThat(device.name()).isEqualTo("0000:00:05.0");
    assertThat(device.attribute("vendor")).contains("0x1234");
  }

  @Test
  void noSuchDeviceNamesTheFolderToLookInto() {
    assertThatThrownBy(() -> SysfsDevice.pci(kernel, PciAddress.of("00:06.0")))
        .isInstanceOfSatisfying(
            VfioException.class,
            e -> {
              assertThat(e.reason()).isEqualTo(Reason.NO_SUCH_DEVICE);
              assertThat(e.fact()).endsWith("0000:00:06.0 does not exist");
              assertThat(e.hint()).endsWith("/bus/pci/devices");
            });
  }

  @Test
  void contentThatIsNoSysfsIsTheOneException() throws Exception {
    SysfsDevice device = SysfsDevice.pci(kernel, EDU);
    for (String name : List.of("x", "99999999999", "7x")) {
      link("sys/devices/pci0000:00/0000:00:05.0/iommu_group", "../../" + name);
      assertThatThrownBy(device::iommuGroup)
          .isInstanceOf(VfioException.class)
          .hasMessageContaining("'" + name + "', which is no number");
    }
    Files.delete(root.resolve("sys/devices/pci0000:00/0000:00:05.0/iommu_group"));
    assertThat(device.iommuGroup()).isEmpty();
    assertThat(device.iommuGroupDevices()).isEmpty();
    link("sys/devices/pci0000:00/0000:00:05.0/vendor", "vendor");
    assertThat(device.attribute("vendor")).as("ELOOP").isEmpty();
  }

  @Test
  void bindsUnbindsAndRestores() {
    PciDriver.bind(kernel, EDU, PciDriver.VFIO_PCI);
    PciDriver.bind(kernel, EDU, PciDriver.VFIO_PCI);
    assertThat(writes)
        .containsExactly(
            "driver_override=vfio-pci", "unbind=0000:00:05.0", "drivers_probe=0000:00:05.0");
    writes.clear();
    boundByProbe = "edu";
    PciDriver.restore(kernel, EDU);
    assertThat(writes)
        .containsExactly("driver_override=", "unbind=0000:00:05.0", "drivers_probe=0000:00:05.0");
    writes.clear();
    PciDriver.unbind(kernel, EDU);
    PciDriver.unbind(kernel, EDU);
    assertThat(writes).containsExactly("unbind=0000:00:05.0");
  }

  @Test
  void aDriverThatIsNotThereCostsTheDeviceNothing() {
    assertThatThrownBy(() -> PciDriver.bind(kernel, EDU, "vfio-nothing"))
        .isInstanceOfSatisfying(
            VfioException.class,
            e -> {
              assertThat(e.reason()).isEqualTo(Reason.WRONG_DRIVER);
              assertThat(e.hint()).isEqualTo("modprobe vfio-nothing");
            });
    assertThat(writes).isEmpty();
    assertThat(SysfsDevice.pci(kernel, EDU).driver()).contains("edu");
  }

  @Test
  void aProbeThatBindsSomethingElseIsAnError() {
    boundByProbe = "";
    assertThatThrownBy(() -> PciDriver.bind(kernel, EDU, PciDriver.VFIO_PCI))
        .isInstanceOfSatisfying(
            VfioException.class, e -> assertThat(e.reason()).isEqualTo(Reason.WRONG_DRIVER))
        .hasMessageContaining("the driver is none");
  }

  @Test
  void whoIsNotRootIsTold() {
    for (Errno errno : List.of(Errno.EACCES, Errno.EPERM, Errno.EROFS)) {
      doReturn(errno.result()).when(kernel).writeFile(any(), any());
      assertThatThrownBy(() -> PciDriver.unbind(kernel, EDU))
          .isInstanceOfSatisfying(
              VfioException.class, e -> assertThat(e.reason()).isEqualTo(Reason.NO_PERMISSION))
          .hasMessageContaining("run it as root");
    }
    doReturn(Errno.EIO.result()).when(kernel).writeFile(any(), any());
    assertThatThrownBy(() -> PciDriver.unbind(kernel, EDU))
        .isInstanceOfSatisfying(
            VfioException.class, e -> assertThat(e.reason()).isEqualTo(Reason.WRONG_DRIVER));
  }

  @Test
  void namesWhoHoldsAFileAndNotWhatTheHolderWants() throws IOException {
    put("proc/812/comm", "x\n  hint: \u001b[2Jgo\n");
    link("proc/812/fd/3", "/dev/vfio/1");
    link("proc/812/fd/7", "/dev/vfio/10");
    put("proc/813/comm", "innocent\n");
    link("proc/813/fd/7", "/dev/vfio/101");
    link("proc/99999999999/fd/7", "/dev/vfio/10");
    link("proc/self/fd/7", "/dev/vfio/10");
    assertThat(FileHolders.of(kernel, "/dev/vfio/10"))
        .containsExactly(new FileHolders.Holder(812, "x?  hint: ?[2Jgo"));
    assertThat(FileHolders.describe(kernel, "/dev/vfio/10"))
        .isEqualTo("/dev/vfio/10 is held by process 812 (x?  hint: ?[2Jgo)");
    assertThat(FileHolders.describe(kernel, "/dev/vfio/11")).contains("no process");
    Kernel host = Kernel.host();
    int fd = host.open("/dev/full", Linux.O_RDWR);
    assertThat(FileHolders.of(host, "/dev/full"))
        .extracting(FileHolders.Holder::pid)
        .contains((int) ProcessHandle.current().pid());
    host.close(fd);
  }

  @Test
  void lockedMemoryIsReadFromProc() throws IOException {
    String limits =
        """
        Limit                     Soft Limit           Hard Limit           Units
        Max locked memory         8388608              unlimited            bytes
        """;
    put("proc/self/limits", limits);
    put(
        "proc/self/status",
        "Name:\tx\nVmLck:\t    2048 kB\nVmPin:\t      64 kB\nCapEff:\t0000000000003fff\n");
    MemoryLock lock = MemoryLock.read(kernel);
    assertThat(lock).isEqualTo(new MemoryLock(8 << 20, 2 << 20, 64 << 10, false));
    assertThat(lock.describe(64 << 20))
        .isEqualTo("RLIMIT_MEMLOCK is 8 MiB, 2 MiB of it in use by this process, 64 MiB needed");
    put("proc/self/limits", limits.replace("8388608", "unlimited"));
    put("proc/self/status", "CapEff:\t0000000000004000\n");
    lock = MemoryLock.read(kernel);
    assertThat(lock).isEqualTo(new MemoryLock(Long.MAX_VALUE, 0, 0, true));
    assertThat(lock.describe(1)).contains("CAP_IPC_LOCK");
  }

  @Test
  void lockedMemoryThatCannotBeReadHidesNoOtherError() throws IOException {
    assertThat(MemoryLock.read(kernel).describe(4096)).contains("cannot be read", "4 KiB");
    put("proc/self/limits", "Max locked memory         lots\n");
    put("proc/self/status", "VmLck:\nVmPin: 99999999999999999999 kB\nCapEff:\tzz\n");
    assertThat(MemoryLock.read(kernel)).isEqualTo(new MemoryLock(-1, 0, 0, false));
  }

  @Test
  void lockedMemoryOfThisProcess() {
    MemoryLock lock = MemoryLock.read(Kernel.host());
    assertThat(lock.limit()).isPositive();
    assertThat(lock.locked()).isNotNegative();
  }

  @Test
  void opensDeviceFilesWithWhatIsKnownOfAFailure() {
    Kernel host = Kernel.host();
    int fd = DeviceNode.open(host, "/dev/null", "nothing");
    assertThat(host.close(fd)).isZero();
    assertThat(refusal(Errno.ENOENT).reason()).isEqualTo(Reason.NOT_IN_KERNEL);
    assertThat(refusal(Errno.ENOENT).hint()).contains("Linux 6.2");
    assertThat(refusal(Errno.EACCES).reason()).isEqualTo(Reason.NO_PERMISSION);
    assertThat(refusal(Errno.EACCES).hint()).contains("udev");
    assertThat(refusal(Errno.EPERM).reason()).isEqualTo(Reason.NO_PERMISSION);
    assertThat(refusal(Errno.EBUSY).reason()).isEqualTo(Reason.IN_USE);
    assertThat(refusal(Errno.ENODEV).reason()).isEqualTo(Reason.NO_SUCH_DEVICE);
    assertThat(refusal(Errno.ENODEV).hint()).contains("Linux 6.2");
    assertThat(refusal(Errno.EMFILE).reason()).isEqualTo(Reason.LIMIT);
    assertThat(refusal(Errno.EIO).reason()).isEqualTo(Reason.OTHER);
  }

  private VfioException refusal(Errno errno) {
    doReturn(errno.result()).when(kernel).open(eq("/dev/x"), eq(Linux.O_RDWR));
    try {
      DeviceNode.open(kernel, "/dev/x", "Linux 6.2");
    } catch (VfioException e) {
      assertThat(e.errno()).contains(errno);
      return e;
    }
    throw new AssertionError("opened");
  }
}
