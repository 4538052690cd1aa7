// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.device.DeviceFeature;
import org.vfio4j.device.DeviceInfo;
import org.vfio4j.device.DmaBuf;
import org.vfio4j.device.PciConfigSpace;
import org.vfio4j.device.Region;
import org.vfio4j.device.RegionInfo;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.VfioPci;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.device.uapi.VfioPciHotReset;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.PciDriver;
import org.vfio4j.linux.Result;
import org.vfio4j.linux.SysfsDevice;
import org.vfio4j.testkit.device.InertModel;
import org.vfio4j.testkit.device.MediatedBus;
import org.vfio4j.testkit.device.MediatedDriver;
import org.vfio4j.testkit.device.MediatedModel;
import org.vfio4j.testkit.device.MediatedRegion;
import org.vfio4j.testkit.device.MediatedType;
import org.vfio4j.testkit.device.NvmeModel;
import org.vfio4j.testkit.device.PciFunction;
import org.vfio4j.testkit.machine.KernelVersion;
import org.vfio4j.testkit.machine.Machine;

/** Regions, resets and capabilities that no device of the lab has. */
class RareDevicesTest {
  private static final PciAddress HERE = PciAddress.of("0000:00:03.0");
  private static final PciAddress THERE = PciAddress.of("0000:00:04.0");

  /** Functions behind a root port that completes all atomic operations: it is for both to do so. */
  @Test
  void atomicOperations() {
    int all =
        VfioDeviceUapi.VFIO_PCI_ATOMIC_COMP32
            | VfioDeviceUapi.VFIO_PCI_ATOMIC_COMP64
            | VfioDeviceUapi.VFIO_PCI_ATOMIC_COMP128;
    PciFunction port = PciFunction.of(1, 1).bridge().completesAtomics(all);
    PciAddress every = PciAddress.of("0000:01:00.0");
    PciAddress one = PciAddress.of("0000:01:01.0");
    PciAddress conventional = PciAddress.of("0000:01:02.0");
    for (KernelVersion version : List.of(KernelVersion.LINUX_6_2, KernelVersion.LINUX_6_12)) {
      Kernel kernel =
          FakeKernel.of(
              version,
              machine -> {
                machine.device("0000:00:02.0", new InertModel(port)).inGroup(1);
                PciFunction express = PciFunction.of(1, 2).express().completesAtomics(all);
                PciFunction less = PciFunction.of(1, 2).express();
                less.completesAtomics(VfioDeviceUapi.VFIO_PCI_ATOMIC_COMP64);
                PciFunction pci = PciFunction.of(1, 2).completesAtomics(all);
                behindPort(machine, every, express, 2);
                behindPort(machine, one, less, 3);
                behindPort(machine, conventional, pci, 4);
              });
      boolean told = version.isAtLeast(6, 5);
      assertAtomics(kernel, every, told ? Set.of(32, 64, 128) : Set.of());
      assertAtomics(kernel, one, told ? Set.of(64) : Set.of());
      assertAtomics(kernel, conventional, Set.of());
    }
  }

  private static void behindPort(
      Machine machine, PciAddress address, PciFunction function, int group) {
    machine
        .device(address.toString(), new InertModel(function))
        .inGroup(group)
        .behind("0000:00:02.0")
        .boundTo("vfio-pci");
  }

  private static void assertAtomics(Kernel kernel, PciAddress address, Set<Integer> bits) {
    try (AssignedDevice here = AssignedDevice.open(kernel, VfioMode.VFIO_TYPE1V2_IOMMU, address)) {
      assertThat(here.device().info().atomicCompletions()).isEqualTo(bits);
      assertThat(here.device().info().has(DeviceInfo.Flag.CAPS)).isEqualTo(!bits.isEmpty());
    }
  }

  /** How many vectors of MSI may be configured is what one driver's users have enabled. */
  @Test
  void theQueueOfMsi() {
    Kernel kernel =
        FakeKernel.of(
            KernelVersion.LINUX_6_12,
            machine ->
                machine
                    .device(HERE.toString(), new InertModel(PciFunction.of(1, 1).msi(4)))
                    .inGroup(1)
                    .boundTo("vfio-pci"));
    try (AssignedDevice here = AssignedDevice.open(kernel, VfioMode.IOMMUFD, HERE)) {
      here.device().interrupts(VfioPci.MSI).enable(4).close();
    }
    assertThat(configuredQueue(kernel)).isEqualTo(2 << 4);
    PciDriver.unbind(kernel, HERE);
    PciDriver.bind(kernel, HERE, PciDriver.VFIO_PCI);
    assertThat(configuredQueue(kernel)).isZero();
  }

  /** Of the flags of MSI, after all vectors were written to it. */
  private static int configuredQueue(Kernel kernel) {
    try (AssignedDevice here = AssignedDevice.open(kernel, VfioMode.IOMMUFD, HERE)) {
      PciConfigSpace config = here.device().config();
      int flags = config.findCapability(PciConfigSpace.PCI_CAP_ID_MSI).orElseThrow().offset() + 2;
      config.write16(flags, 0x70);
      return config.read16(flags) & 0x70;
    }
  }

  /** A driver that knows nothing of them makes no virtual functions. */
  @Test
  void virtualFunctionsOfADriverThatHasNone() {
    NvmeModel nvme = new NvmeModel("here", 1 << 20).withVirtualFunctions(2);
    Kernel kernel =
        FakeKernel.of(
            KernelVersion.LINUX_6_12,
            machine -> machine.device(HERE.toString(), nvme).inGroup(1).boundTo("pci-stub"));
    String attribute = SysfsDevice.pci(kernel, HERE).path() + "/sriov_numvfs";
    assertThat(kernel.writeFile(attribute, new byte[] {'1'})).isEqualTo(Errno.ENOENT.result());
    assertThat(kernel.writeFile(attribute, new byte[] {'0'})).isEqualTo(1);
  }

  /** A mediated device of which parts can be mapped, and no more. */
  @Test
  void aRegionThatIsMappedInParts() {
    MediatedRegion region =
        new MediatedRegion(
                0,
                16 * 4096,
                VfioDeviceUapi.VFIO_REGION_INFO_FLAG_READ
                    | VfioDeviceUapi.VFIO_REGION_INFO_FLAG_MMAP)
            .mappableAt(new IovaRange(4096, 3 * 4096 - 1), new IovaRange(8 * 4096, 9 * 4096 - 1));
    FakeKernel kernel =
        FakeKernel.of(
            KernelVersion.LINUX_6_12,
            machine -> machine.mediated("virtual/parts/parts", new PartsDriver(region)));
    String uuid = "5b2ac74b-0f11-4d57-b1f7-5d2d9d4a51f0";
    kernel.writeFile(
        "/sys/devices/virtual/parts/parts/mdev_supported_types/parts-1/create",
        uuid.getBytes(StandardCharsets.US_ASCII));
    SysfsDevice mdev = SysfsDevice.at(kernel, "/sys/bus/mdev/devices/" + uuid);
    try (AssignedDevice device =
        AssignedDevice.open(kernel, VfioMode.IOMMUFD, mdev, DeviceCookie.of(1))) {
      RegionInfo info = device.device().region(0).info();
      assertThat(info.mappableAreas())
          .containsExactly(
              new RegionInfo.Area(4096, 2 * 4096), new RegionInfo.Area(8 * 4096, 4096));
    }
  }

  /** Of one kind of device with one region. */
  private record PartsDriver(MediatedRegion region) implements MediatedDriver {
    @Override
    public String name() {
      return "parts";
    }

    @Override
    public List<MediatedType> types() {
      return List.of(new MediatedType("1", "parts", ""));
    }

    @Override
    public Result<MediatedModel> create(MediatedType type, String uuid) {
      return Result.of(new PartsModel(region));
    }
  }

  private record PartsModel(MediatedRegion region) implements MediatedModel {
    @Override
    public void connect(MediatedBus bus) {}

    @Override
    public int regions() {
      return 1;
    }

    @Override
    public Optional<MediatedRegion> region(int index) {
      return index == 0 ? Optional.of(region) : Optional.empty();
    }

    @Override
    public long read(long position, int width) {
      return 0;
    }

    @Override
    public void write(long position, int width, long value) {}
  }

  /** Another device reaches parts of a BAR through the address space. */
  @Test
  void aBarAsADmaBuf() {
    Busmaster target = new Busmaster();
    FakeKernel kernel =
        FakeKernel.of(
            KernelVersion.NEWEST,
            machine -> {
              machine.device(HERE.toString(), new Busmaster()).inGroup(1).boundTo("vfio-pci");
              machine.device(THERE.toString(), target).inGroup(2).boundTo("vfio-pci");
            });
    long iova = 0x100_0000;
    try (Iommufd iommufd = Iommufd.open(kernel);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice here = VfioCdev.find(kernel, HERE).open().bind(iommufd, DeviceCookie.of(1));
        BoundDevice there = VfioCdev.find(kernel, THERE).open().bind(iommufd, DeviceCookie.of(2))) {
      here.config().enableMemory(true);
      here.config().enableBusMaster(true);
      there.config().enableMemory(true);
      here.attach(ioas);
      Region bar = there.region(VfioPci.BAR0);
      try (DmaBuf buffer = bar.exportDmaBuf(List.of(new RegionInfo.Area(4096, 2 * 4096)))) {
        ioas.mapFile(buffer.fd(), 0, 2 * 4096, iova, DmaAccess.READ_WRITE);
        assertThat(Busmaster.writes(here, iova + 4)).isTrue();
        assertThat(target.kept(4096 + 4)).isEqualTo((byte) 1);
        assertThat(target.kept(4096 + 7)).isEqualTo((byte) 4);
        // It is memory of no process.
        Refused.with(Errno.EINVAL, iommufd::changeProcess);
        Refused.with(
            Errno.EINVAL,
            () -> ioas.mapFile(buffer.fd(), 4096, 2 * 4096, 2 * iova, DmaAccess.READ));
        // While the exporter decodes nothing there is nothing.
        there.config().enableMemory(false);
        assertThat(Busmaster.writes(here, iova + 4)).isFalse();
        Refused.with(
            Errno.ENODEV, () -> ioas.mapFile(buffer.fd(), 0, 4096, 2 * iova, DmaAccess.READ));
        there.config().enableMemory(true);
        assertThat(Busmaster.writes(here, iova + 4)).isTrue();
        // The mapping keeps the dma-buf, but nothing keeps the exporter.
        buffer.close();
        there.close();
        assertThat(Busmaster.writes(here, iova + 4)).isFalse();
        ioas.unmap(iova, 2 * 4096);
      }
    }
  }

  @Test
  void whatIsNoDmaBuf() {
    FakeKernel kernel =
        FakeKernel.of(
            KernelVersion.NEWEST,
            machine ->
                machine.device(HERE.toString(), new Busmaster()).inGroup(1).boundTo("vfio-pci"));
    try (Iommufd iommufd = Iommufd.open(kernel);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice here = VfioCdev.find(kernel, HERE).open().bind(iommufd, DeviceCookie.of(1))) {
      here.config().enableMemory(true);
      assertThat(here.features().has(DeviceFeature.DMA_BUF)).isTrue();
      Region bar = here.region(VfioPci.BAR0);
      List<RegionInfo.Area> page = List.of(new RegionInfo.Area(0, 4096));
      Refused.with(Errno.EINVAL, () -> bar.exportDmaBuf(List.of()));
      Refused.with(Errno.EINVAL, () -> bar.exportDmaBuf(List.of(new RegionInfo.Area(8, 4096))));
      Refused.with(
          Errno.EINVAL, () -> bar.exportDmaBuf(List.of(new RegionInfo.Area(4 * 4096, 4096))));
      Refused.with(
          Errno.EOVERFLOW, () -> bar.exportDmaBuf(List.of(new RegionInfo.Area(-4096, 8192))));
      Refused.with(Errno.ENODEV, () -> here.region(VfioPci.CONFIG).exportDmaBuf(page));
      // More than 4 MiB of them are too many to read.
      List<RegionInfo.Area> many = Collections.nCopies((4 << 20) / 16 + 1, page.get(0));
      Refused.with(Errno.ENOMEM, () -> bar.exportDmaBuf(many));
      List<RegionInfo.Area> two =
          List.of(new RegionInfo.Area(0, 4096), new RegionInfo.Area(2 * 4096, 4096));
      try (DmaBuf parts = bar.exportDmaBuf(two)) {
        Refused.with(
            Errno.EOPNOTSUPP, () -> ioas.mapFile(parts.fd(), 0, 4096, 0x1000, DmaAccess.READ));
      }
    }
    FakeKernel without =
        FakeKernel.of(
            KernelVersion.NEWEST,
            machine ->
                machine
                    .withoutPeerToPeer()
                    .device(HERE.toString(), new Busmaster())
                    .inGroup(1)
                    .boundTo("vfio-pci"));
    try (AssignedDevice here = AssignedDevice.open(without, VfioMode.IOMMUFD, HERE)) {
      Region bar = here.device().region(VfioPci.BAR0);
      Refused.with(Errno.EOPNOTSUPP, () -> bar.exportDmaBuf(List.of(new RegionInfo.Area(0, 4096))));
    }
  }

  /** The bus is reset from a call that a register's reading makes: the device is in an access. */
  @Test
  void aHotResetDuringAnAccess() {
    int[] result = {0};
    Runnable[] meanwhile = {() -> {}};
    Kernel kernel =
        FakeKernel.of(
            KernelVersion.LINUX_6_12,
            machine -> {
              machine
                  .device("0000:00:02.0", new InertModel(PciFunction.of(1, 1).bridge()))
                  .inGroup(1);
              machine
                  .device(
                      "0000:01:00.0",
                      new Busmaster() {
                        @Override
                        public long read(int bar, long offset, int width) {
                          meanwhile[0].run();
                          return super.read(bar, offset, width);
                        }
                      })
                  .inGroup(2)
                  .behind("0000:00:02.0")
                  .boundTo("vfio-pci");
            });
    PciAddress address = PciAddress.of("0000:01:00.0");
    try (AssignedDevice here = AssignedDevice.open(kernel, VfioMode.IOMMUFD, address)) {
      VfioDevice device = here.device();
      meanwhile[0] =
          () ->
              result[0] =
                  kernel.ioctl(
                      device.fd(),
                      VfioDeviceUapi.VFIO_DEVICE_PCI_HOT_RESET,
                      new VfioPciHotReset(0));
      device.region(VfioPci.BAR0).getIntLe(0);
      meanwhile[0] = () -> {};
      assertThat(result[0]).isEqualTo(Errno.EBUSY.result());
      device.planHotReset().execute();
    }
  }
}
