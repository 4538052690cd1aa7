// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.HwInfo;
import org.vfio4j.iommufd.HwQueue;
import org.vfio4j.iommufd.HwptData;
import org.vfio4j.iommufd.Invalidations;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.iommufd.NestedHwpt;
import org.vfio4j.iommufd.PagingHwpt;
import org.vfio4j.iommufd.Vdevice;
import org.vfio4j.iommufd.Viommu;
import org.vfio4j.iommufd.VirtualEvent;
import org.vfio4j.iommufd.VirtualEventQueue;
import org.vfio4j.iommufd.uapi.IommuViommuTegra241Cmdqv;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.testkit.machine.KernelVersion;
import org.vfio4j.testkit.machine.MachineIommu;
import org.vfio4j.testkit.machine.MachineIommu.Make;

/** IOMMUs of the makes that the lab does not have, with all that they can do for guests. */
class OtherIommusTest {
  private static final PciAddress ADDRESS = PciAddress.of("0000:00:05.0");
  private static final long PAGE = 4096;

  /** Where guests have their tables: at the start of a space. */
  private static final int PAGES = 16;

  /** An address of a guest, and its indexes in tables of four levels. */
  private static final long GUEST_ADDRESS = 0x40_2000;

  private static final long[] INDEXES = {0, 0, 2, 2};

  private interface Scenario {
    void run(FakeKernel kernel, Iommufd iommufd, Ioas ioas, BoundDevice device);
  }

  private static void on(Make make, KernelVersion version, Scenario scenario) {
    FakeKernel kernel =
        FakeKernel.of(
            version,
            machine -> {
              MachineIommu iommu = machine.iommu().of(make).erratum();
              iommu.nesting().dirtyTracking().pasids(20);
              machine.device(ADDRESS.toString(), new Busmaster()).inGroup(1).boundTo("vfio-pci");
            });
    try (Iommufd iommufd = Iommufd.open(kernel);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice device =
            VfioCdev.find(kernel, ADDRESS).open().bind(iommufd, DeviceCookie.of(42))) {
      device.config().enableMemory(true);
      device.config().enableBusMaster(true);
      scenario.run(kernel, iommufd, ioas, device);
    }
  }

  private static MappedMemory guest(FakeKernel kernel, Ioas ioas) {
    int protection = Linux.PROT_READ | Linux.PROT_WRITE;
    int flags = Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS;
    MappedMemory memory = kernel.mmap(-1, 0, PAGES * PAGE, protection, flags).value();
    ioas.map(memory.address(), PAGES * PAGE, 0, DmaAccess.READ_WRITE);
    return memory;
  }

  /** Tables from {@code first} on, a page each, that lead to the page behind them. */
  private static void walkable(MappedMemory memory, int first, long flags) {
    for (int level = 0; level < INDEXES.length; level++) {
      long at = (first + level) * PAGE + INDEXES[level] * 8;
      memory.putLongLe(at, (first + level + 1) * PAGE | flags);
    }
  }

  @Test
  void vtdTellsOfItself() {
    on(
        Make.INTEL_VTD,
        KernelVersion.NEWEST,
        (kernel, iommufd, ioas, device) -> {
          HwInfo info = iommufd.hwInfo(device.devId());
          assertThat(info.vtd().orElseThrow().flags())
              .isEqualTo(IommufdUapi.IOMMU_HW_INFO_VTD_ERRATA_772415_SPR17);
          assertThat(info.canExecuteWithPasid()).isTrue();
          assertThat(info.canBePrivilegedWithPasid()).isTrue();
          assertThat(info.maxPasidLog2()).isEqualTo(20);
          assertThat(info.lacksAts()).isTrue();
          // What is asked for by its number.
          int vtd = IommufdUapi.IOMMU_HW_INFO_TYPE_INTEL_VTD;
          assertThat(iommufd.hwInfo(device.devId(), vtd).vtd()).isPresent();
          int other = IommufdUapi.IOMMU_HW_INFO_TYPE_ARM_SMMUV3;
          Refused.with(Errno.EOPNOTSUPP, () -> iommufd.hwInfo(device.devId(), other));
        });
  }

  /** ERRATA_772415_SPR17, whatever the hardware: what tables are nested on is writable. */
  @Test
  void aNestingParentOfVtdTakesNothingForReadingAlone() {
    on(
        Make.INTEL_VTD,
        KernelVersion.LINUX_6_12,
        (kernel, iommufd, ioas, device) -> {
          MappedMemory memory = guest(kernel, ioas);
          ioas.map(memory.address(), PAGE, PAGES * PAGE, DmaAccess.READ);
          VfioException refused =
              Refused.with(Errno.EINVAL, () -> ioas.hwpt(device.devId()).nestParent().allocate());
          assertThat(refused.fact()).contains("for reading alone");
          ioas.unmap(PAGES * PAGE, PAGE);
          try (PagingHwpt plain = ioas.hwpt(device.devId()).allocate();
              PagingHwpt parent = ioas.hwpt(device.devId()).nestParent().allocate()) {
            assertThat(plain).isNotEqualTo(parent);
            refused =
                Refused.with(
                    Errno.EINVAL,
                    () -> ioas.map(memory.address(), PAGE, PAGES * PAGE, DmaAccess.READ));
            assertThat(refused.hint()).contains("nestParent()");
            Refused.with(
                Errno.EINVAL, () -> ioas.copy(ioas, 0, PAGE, PAGES * PAGE, DmaAccess.READ));
            ioas.map(memory.address(), PAGE, PAGES * PAGE, DmaAccess.READ_WRITE);
            ioas.unmap(PAGES * PAGE, PAGE);
          }
          ioas.map(memory.address(), PAGE, PAGES * PAGE, DmaAccess.READ);
        });
    on(
        Make.ARM_SMMUV3,
        KernelVersion.LINUX_6_15,
        (kernel, iommufd, ioas, device) -> {
          MappedMemory memory = guest(kernel, ioas);
          ioas.map(memory.address(), PAGE, PAGES * PAGE, DmaAccess.READ);
          ioas.hwpt(device.devId()).nestParent().allocate().close();
        });
  }

  /** Supervisor requests, accesses that are noted, and write protection; and its invalidations. */
  @Test
  void vtdForAGuest() {
    on(
        Make.INTEL_VTD,
        KernelVersion.LINUX_6_12,
        (kernel, iommufd, ioas, device) -> {
          MappedMemory memory = guest(kernel, ioas);
          walkable(memory, 0, 3);
          long flags =
              IommufdUapi.IOMMU_VTD_S1_SRE
                  | IommufdUapi.IOMMU_VTD_S1_EAFE
                  | IommufdUapi.IOMMU_VTD_S1_WPE;
          try (PagingHwpt parent = ioas.hwpt(device.devId()).nestParent().allocate();
              NestedHwpt nested =
                  parent.nested(device.devId(), HwptData.vtd(flags, 0, 48)).allocate()) {
            device.attach(nested);
            assertThat(Busmaster.writes(device, GUEST_ADDRESS + 8)).isTrue();
            assertThat(memory.getIntLe(4 * PAGE + 8)).isEqualTo(0x04030201);
            Invalidations entries =
                Invalidations.vtd(3).addVtd(GUEST_ADDRESS, 1, true).addVtd(0, -1, false);
            nested.invalidate(entries);
            assertThat(entries.done()).isEqualTo(2);
            entries.clear();
            entries.addVtd(GUEST_ADDRESS, 1, false).addVtd(1, 1, false).addVtd(0, -1, false);
            assertThat(nested.tryInvalidate(entries)).isEqualTo(Errno.EINVAL.result());
            assertThat(entries.done()).isEqualTo(1);
            device.close();
          }
        });
  }

  @Test
  void smmuTellsOfItself() {
    on(
        Make.ARM_SMMUV3,
        KernelVersion.NEWEST,
        (kernel, iommufd, ioas, device) -> {
          HwInfo info = iommufd.hwInfo(device.devId());
          assertThat(info.armSmmuV3().orElseThrow().getInt(0))
              .isEqualTo(IommufdUapi.IOMMU_HW_INFO_ARM_SMMUV3_ERRATA_REPEAT_TLBI_CFGI);
          assertThat(info.canTrackDirty()).isTrue();
          int queues = IommufdUapi.IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV;
          Refused.with(Errno.EOPNOTSUPP, () -> iommufd.hwInfo(device.devId(), queues));
        });
    // Before, its driver told nothing.
    on(
        Make.ARM_SMMUV3,
        KernelVersion.LINUX_6_12,
        (kernel, iommufd, ioas, device) -> {
          HwInfo info = iommufd.hwInfo(device.devId());
          assertThat(info.dataType()).isEqualTo(IommufdUapi.IOMMU_HW_INFO_TYPE_NONE);
          assertThat(info.data()).isEmpty();
        });
  }

  /** The guest's stream table entry leads to a context, and that to its tables. */
  @Test
  void smmuForAGuest() {
    on(
        Make.ARM_SMMUV3,
        KernelVersion.LINUX_6_17,
        (kernel, iommufd, ioas, device) -> {
          MappedMemory memory = guest(kernel, ioas);
          memory.putLongLe(10 * PAGE + 8, 0);
          walkable(memory, 0, 3);
          int type = IommufdUapi.IOMMU_VIOMMU_TYPE_ARM_SMMUV3;
          try (PagingHwpt parent = ioas.hwpt(device.devId()).nestParent().allocate();
              Viommu viommu = parent.viommu(device.devId(), type);
              Vdevice vdevice = viommu.vdevice(device.devId(), 0x77);
              VirtualEventQueue events =
                  viommu.eventQueue(IommufdUapi.IOMMU_VEVENTQ_TYPE_ARM_SMMUV3, 8)) {
            assertThat(vdevice.virtualId()).isEqualTo(0x77);
            HwptData streams = HwptData.armSmmuV3(1 | 5 << 1 | 10 * PAGE, 0);
            // Without the virtual IOMMU there is no such table.
            Refused.with(Errno.EOPNOTSUPP, () -> parent.nested(device.devId(), streams).allocate());
            Refused.with(
                Errno.EIO,
                () -> viommu.nested(device.devId(), HwptData.armSmmuV3(1 | 7 << 1, 0)).allocate());
            try (NestedHwpt nested = viommu.nested(device.devId(), streams).allocate()) {
              device.attach(nested);
              assertThat(Busmaster.writes(device, GUEST_ADDRESS + 8)).isTrue();
              assertThat(memory.getIntLe(4 * PAGE + 8)).isEqualTo(0x04030201);
              assertThat(events.read()).isEmpty();
              assertThat(Busmaster.writes(device, GUEST_ADDRESS + PAGE)).isFalse();
              List<VirtualEvent> told = events.read();
              assertThat(told).hasSize(1);
              assertThat(told.get(0).deviceCookie()).contains(DeviceCookie.of(42));
              assertThat(told.get(0).data().orElseThrow().getLong(0))
                  .isEqualTo(0x10L | 0x77L << 32);
              assertThat(told.get(0).data().orElseThrow().getLong(16))
                  .isEqualTo(GUEST_ADDRESS + PAGE);
              commands(viommu);
              device.close();
            }
          }
        });
  }

  /** Those of its queue that concern what is kept; any other, or one of a stranger, is EIO. */
  private static void commands(Viommu viommu) {
    Invalidations known =
        Invalidations.armSmmuV3(2).addArmSmmuV3(0x12, 0).addArmSmmuV3(0x05 | 0x77L << 32, 0);
    viommu.invalidate(known);
    assertThat(known.done()).isEqualTo(2);
    Invalidations stranger =
        Invalidations.armSmmuV3(2).addArmSmmuV3(0x30, 0).addArmSmmuV3(0x05 | 0x78L << 32, 0);
    Refused.with(Errno.EIO, () -> viommu.invalidate(stranger));
    assertThat(stranger.done()).isEqualTo(1);
    Refused.with(
        Errno.EIO, () -> viommu.invalidate(Invalidations.armSmmuV3(1).addArmSmmuV3(0x46, 0)));
  }

  /** What a guest has of it are its queues, and the registers of these. */
  @Test
  void tegraForAGuest() {
    on(
        Make.NVIDIA_TEGRA241,
        KernelVersion.LINUX_6_17,
        (kernel, iommufd, ioas, device) -> {
          int queues = IommufdUapi.IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV;
          assertThat(iommufd.hwInfo(device.devId(), queues).tegra241Cmdqv()).isPresent();
          guest(kernel, ioas);
          IommuViommuTegra241Cmdqv place = new IommuViommuTegra241Cmdqv();
          int type = IommufdUapi.IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV;
          try (PagingHwpt parent = ioas.hwpt(device.devId()).nestParent().allocate();
              Viommu viommu = parent.viommu(device.devId(), type, place);
              VirtualEventQueue events =
                  viommu.eventQueue(IommufdUapi.IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV, 8);
              HwQueue first =
                  viommu.hwQueue(
                      IommufdUapi.IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV, 0, 8 * PAGE, PAGE)) {
            assertThat(first.id()).isPositive();
            assertThat(events.read()).isEmpty();
            assertThat(place.outVintfMmapLength()).isEqualTo(PAGE);
            Refused.with(Errno.ENXIO, () -> iommufd.map(place.outVintfMmapOffset(), 2 * PAGE));
            MappedMemory registers = iommufd.map(place.outVintfMmapOffset(), PAGE);
            registers.putIntLe(0x10, 0x1234);
            MappedMemory again = iommufd.map(place.outVintfMmapOffset(), PAGE);
            assertThat(again.getIntLe(0x10)).isEqualTo(0x1234);
            kernel.munmap(again);
            Refused.with(Errno.EBUSY, () -> iommufd.destroy(viommu.id()));
            kernel.munmap(registers);
          }
          Refused.with(Errno.ENXIO, () -> iommufd.map(place.outVintfMmapOffset(), PAGE));
        });
  }

  /** A device table entry of the guest's leads to roots, one for each PASID. */
  @Test
  void amdForAGuest() {
    on(
        Make.AMD,
        KernelVersion.NEWEST,
        (kernel, iommufd, ioas, device) -> {
          assertThat(iommufd.hwInfo(device.devId()).amd()).isPresent();
          MappedMemory memory = guest(kernel, ioas);
          walkable(memory, 1, 3);
          memory.putLongLe(9 * PAGE, PAGE | 1);
          long roots = 9 * PAGE;
          HwptData entry =
              HwptData.amd((roots >>> 12 & 7) << 58, (roots >>> 15 & 0xffff) << 16, 0, 0);
          try (PagingHwpt parent = ioas.hwpt(device.devId()).nestParent().allocate();
              NestedHwpt nested = parent.nested(device.devId(), entry).allocate()) {
            device.attach(nested);
            assertThat(Busmaster.writes(device, GUEST_ADDRESS + 8)).isTrue();
            assertThat(memory.getIntLe(5 * PAGE + 8)).isEqualTo(0x04030201);
            assertThat(Busmaster.writes(device, GUEST_ADDRESS + PAGE)).isFalse();
            Refused.with(
                Errno.EOPNOTSUPP, () -> nested.invalidate(Invalidations.vtd(1).addVtd(0, 1, true)));
            device.close();
          }
        });
    on(
        Make.AMD,
        KernelVersion.LINUX_6_12,
        (kernel, iommufd, ioas, device) ->
            assertThat(iommufd.hwInfo(device.devId()).dataType())
                .isEqualTo(IommufdUapi.IOMMU_HW_INFO_TYPE_NONE));
  }
}
