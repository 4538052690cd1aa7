// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.lab.Memory.PAGE;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.AssignmentPolicy;
import org.vfio4j.bridge.CompatBridge;
import org.vfio4j.bridge.DeviceCall;
import org.vfio4j.bridge.LegacyCall;
import org.vfio4j.bridge.MigrationPattern;
import org.vfio4j.bridge.MigrationReport;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.cdev.UnboundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.device.Interrupts;
import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.VfioPci;
import org.vfio4j.device.uapi.VfioDeviceInfo;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.dma.PageSize;
import org.vfio4j.examples.edu.EduDriver;
import org.vfio4j.group.IommuType;
import org.vfio4j.group.Type1Iommu;
import org.vfio4j.group.VfioContainer;
import org.vfio4j.group.VfioGroup;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PciDriver;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;

/** The bridge: what it lets through, whom it refuses, and what it has to say. */
@Tag("lab")
class BridgeTest {
  private static final long IOVA = 0x10_0000;
  private static final byte[] SENT = {1, 2, 3, 4, 5, 6, 7, 8};

  @Test
  void noGroupReachesTheKernelBelow() {
    GroupCalls below = new GroupCalls(Lab.KERNEL);
    CompatBridge bridge = CompatBridge.over(below, AssignmentPolicy.STAGE_2);
    for (VfioMode mode : List.of(VfioMode.BRIDGE_TYPE1, VfioMode.BRIDGE_TYPE1V2)) {
      try (AssignedDevice first = AssignedDevice.open(bridge, mode, Lab.SHARED_1);
          AssignedDevice second = first.openBeside(Lab.sysfs(Lab.SHARED_2), DeviceCookie.of(2));
          EduDriver edu = new EduDriver(first.device());
          EduDriver other = new EduDriver(second.device())) {
        assertThat(edu.factorial(5)).isEqualTo(120);
        assertThat(other.thereAndBack(second.dma(), SENT)).isEqualTo(SENT);
        assertThat(first.dma().allowedIovas()).isNotEmpty();
      }
      try (RawContainer raw = new RawContainer(bridge, mode, Lab.EDU)) {
        raw.ready();
        raw.dirtyPages(1);
        raw.map(Memory.NOWHERE, IOVA, PAGE);
        raw.unmap(2, 0, 0);
        raw.status();
        assertThat(raw.device()).isPositive();
      }
    }
    assertThat(below.binds()).hasSizeGreaterThan(2);
    assertThat(below.seen()).isEmpty();
  }

  @Test
  void aSharedGroupIsRefusedAtStageOne() {
    GroupCalls below = new GroupCalls(Lab.KERNEL);
    CompatBridge bridge = CompatBridge.over(below, AssignmentPolicy.STAGE_1);
    for (VfioMode mode : List.of(VfioMode.BRIDGE_TYPE1, VfioMode.BRIDGE_TYPE1V2)) {
      VfioException refused =
          Refusal.of(
              Reason.NOT_VIABLE, () -> AssignedDevice.open(bridge, mode, Lab.SHARED_1).close());
      assertThat(refused.fact())
          .contains("0000:01:01.0", "0000:01:02.0", "0000:00:08.0", "vfio-pci", "STAGE_1");
      assertThat(refused.hint()).contains("STAGE_2", "STAGE_1_OR_GROUPS");
    }
    try (RawContainer raw = new RawContainer(bridge, VfioMode.BRIDGE_TYPE1V2, Lab.SHARED_1)) {
      assertThat(raw.withGroup().status()).isEqualTo("flags 0");
      assertThat(raw.join()).isEqualTo("EPERM");
      assertThat(bridge.explanation().orElseThrow().fact()).contains("0000:01:02.0");
    }
    assertThat(below.binds()).isEmpty();
    assertThat(below.seen()).isEmpty();
    // What is alone in its group is not concerned.
    AssignedDevice.open(bridge, VfioMode.BRIDGE_TYPE1V2, Lab.EDU).close();
  }

  @Test
  void aSharedGroupGoesToTheKernelsOwnGroupsWhereThatIsWanted() {
    GroupCalls below = new GroupCalls(Lab.KERNEL);
    CompatBridge bridge = CompatBridge.over(below, AssignmentPolicy.STAGE_1_OR_GROUPS);
    try (AssignedDevice shared =
            AssignedDevice.open(bridge, VfioMode.BRIDGE_TYPE1V2, Lab.SHARED_1);
        EduDriver edu = new EduDriver(shared.device())) {
      assertThat(edu.thereAndBack(shared.dma(), SENT)).isEqualTo(SENT);
    }
    assertThat(below.seen()).contains("open /dev/vfio/vfio");
    assertThat(below.binds()).isEmpty();
    try (AssignedDevice alone = AssignedDevice.open(bridge, VfioMode.BRIDGE_TYPE1V2, Lab.EDU);
        EduDriver edu = new EduDriver(alone.device())) {
      assertThat(edu.thereAndBack(alone.dma(), SENT)).isEqualTo(SENT);
    }
    assertThat(below.binds()).isNotEmpty();
  }

  @Test
  void bothDevicesOfASharedGroupReachTheSameMemoryAtStageTwo() {
    CompatBridge bridge = CompatBridge.over(Lab.KERNEL, AssignmentPolicy.STAGE_2);
    MappedMemory memory = Memory.pages(1);
    try (AssignedDevice first = AssignedDevice.open(bridge, VfioMode.BRIDGE_TYPE1V2, Lab.SHARED_1);
        AssignedDevice second = first.openBeside(Lab.sysfs(Lab.SHARED_2), DeviceCookie.of(2))) {
      first.dma().map(memory.address(), PAGE, IOVA, DmaAccess.READ_WRITE);
      try (DmaProbe probe = new DmaProbe(first)) {
        assertThat(probe.writes(IOVA, memory, 0)).isTrue();
      }
      try (DmaProbe probe = new DmaProbe(second)) {
        assertThat(probe.writes(IOVA, memory, 0)).isTrue();
      }
    }
  }

  @Test
  void aGroupWithADeviceOfTheHostIsRefusedBeforeAnythingIsBound() {
    GroupCalls below = new GroupCalls(Lab.KERNEL);
    CompatBridge bridge = CompatBridge.over(below, AssignmentPolicy.STAGE_2);
    PciDriver.bind(Lab.KERNEL, Lab.SATA, PciDriver.VFIO_PCI);
    try {
      VfioException refused =
          Refusal.of(
              Reason.NOT_VIABLE,
              () -> AssignedDevice.open(bridge, VfioMode.BRIDGE_TYPE1V2, Lab.SATA).close());
      assertThat(refused.fact()).contains("0000:00:1f.0", "0000:00:1f.3", "lpc_ich", "i801_smbus");
      assertThat(refused.hint()).contains("vfio-pci");
      try (RawContainer raw = new RawContainer(bridge, VfioMode.BRIDGE_TYPE1V2, Lab.SATA)) {
        assertThat(raw.withGroup().status()).isEqualTo("flags 0");
        assertThat(raw.join()).isEqualTo("EPERM");
      }
    } finally {
      PciDriver.restore(Lab.KERNEL, Lab.SATA);
    }
    assertThat(below.binds()).isEmpty();
  }

  @Test
  void severalContainersAtATime() {
    CompatBridge bridge = CompatBridge.over(Lab.KERNEL, AssignmentPolicy.STAGE_2);
    MappedMemory one = Memory.pages(1);
    MappedMemory two = Memory.pages(1);
    try (AssignedDevice edu = AssignedDevice.open(bridge, VfioMode.BRIDGE_TYPE1V2, Lab.EDU);
        AssignedDevice other = AssignedDevice.open(bridge, VfioMode.BRIDGE_TYPE1, Lab.SHARED_1);
        DmaProbe probe = new DmaProbe(edu);
        DmaProbe otherProbe = new DmaProbe(other)) {
      edu.dma().map(one.address(), PAGE, IOVA, DmaAccess.READ_WRITE);
      other.dma().map(two.address(), PAGE, IOVA, DmaAccess.READ_WRITE);
      assertThat(probe.writes(IOVA, one, 0)).isTrue();
      assertThat(otherProbe.writes(IOVA, two, 0)).isTrue();
      assertThat(probe.writes(IOVA, two, 0)).isFalse();
    }
  }

  /** A device that is closed is reset and has no interrupts; the group stays in good hands. */
  @Test
  void theGroupIsOwnedWhileItsDeviceIsClosed() {
    CompatBridge bridge = CompatBridge.over(Lab.KERNEL, AssignmentPolicy.STAGE_1);
    MappedMemory memory = Memory.pages(1);
    try (VfioContainer container = VfioContainer.open(bridge);
        VfioGroup group = VfioGroup.of(bridge, Lab.sysfs(Lab.EDU)).join(container);
        Type1Iommu space = container.setIommu(IommuType.TYPE1_V2)) {
      space.map(memory.address(), PAGE, IOVA, DmaAccess.READ_WRITE);
      for (int i = 0; i < 3; i++) {
        try (VfioDevice edu = group.device(Lab.EDU);
            DmaProbe probe = new DmaProbe(edu, space);
            Interrupts msi = edu.interrupts(VfioPci.MSI).enable(1)) {
          assertThat(probe.writes(IOVA, memory, 0)).isTrue();
          assertThat(msi.vectors()).isEqualTo(1);
        }
        try (Iommufd another = Iommufd.open(Lab.KERNEL);
            UnboundDevice node = VfioCdev.find(Lab.KERNEL, Lab.EDU).open()) {
          Refusal.of(Reason.WRONG_STATE, () -> node.bind(another, DeviceCookie.of(1)).close());
        }
      }
      group.leave();
      Refusal.of(Reason.WRONG_STATE, () -> space.map(memory.address(), PAGE, IOVA, DmaAccess.READ));
    }
  }

  /** What a program in C does with descriptors: duplicates, closes in any order, polls, maps. */
  @Test
  void descriptorsAreAsGoodAsReal() {
    CompatBridge bridge = CompatBridge.over(Lab.KERNEL, AssignmentPolicy.STAGE_1);
    ProcessState before = ProcessState.now();
    RawContainer raw = new RawContainer(bridge, VfioMode.BRIDGE_TYPE1V2, Lab.EDU);
    try (raw) {
      raw.ready();
      int container = bridge.dup(raw.container());
      raw.close(raw.container());
      int device = raw.device();
      int again = raw.device();
      assertThat(again).isNotEqualTo(device);
      raw.close(raw.group());
      assertThat(bridge.open(raw.groupPath(), Linux.O_RDWR)).isEqualTo(Errno.EBUSY.result());
      raw.close(device);
      assertThat(info(bridge, again)).isZero();
      MappedMemory bar = bridge.mmap(again, 0, PAGE, Linux.PROT_READ, Linux.MAP_SHARED).value();
      raw.close(again);
      assertThat(bar.getIntLe(Edu.IDENTIFICATION)).isEqualTo(Edu.IDENTITY);
      assertThat(bridge.munmap(bar)).isZero();
      NativeBlock word = new NativeBlock(8);
      assertThat(bridge.read(container, word, 8)).isEqualTo(Errno.EINVAL.result());
      assertThat(bridge.pwrite(container, word, 8, 0)).isEqualTo(Errno.EINVAL.result());
      assertThat(bridge.mmap(container, 0, PAGE, Linux.PROT_READ, Linux.MAP_SHARED).errno())
          .isEqualTo(Errno.ENODEV);
      NativeBlock fds = new NativeBlock(8);
      fds.putInt(0, container);
      fds.putShort(4, (short) (Linux.POLLIN | Linux.POLLOUT));
      assertThat(bridge.poll(fds, 1, 0)).isEqualTo(1);
      assertThat(bridge.readLink("/proc/self/fd/" + container).value()).isEqualTo("/dev/vfio/vfio");
      bridge.close(container);
    }
    ProcessState.now().assertSameAs(before);
    // The group was given back with the last of them.
    Lab.openEdu(VfioMode.VFIO_TYPE1V2_IOMMU).close();
  }

  private static int info(CompatBridge bridge, int device) {
    return bridge.ioctl(device, VfioDeviceUapi.VFIO_DEVICE_GET_INFO, new VfioDeviceInfo(0));
  }

  /** An argument may be an address only, as programs in C have it. */
  @Test
  void structsByTheirAddress() {
    CompatBridge bridge = CompatBridge.over(Lab.KERNEL, AssignmentPolicy.STAGE_1);
    MappedMemory memory = Memory.pages(2);
    try (RawContainer raw = new RawContainer(bridge, VfioMode.BRIDGE_TYPE1V2, Lab.EDU)) {
      raw.ready();
      long at = memory.address();
      memory.putIntLe(0, 32);
      memory.putIntLe(4, RawContainer.READ_WRITE);
      memory.putLongLe(8, at + PAGE);
      memory.putLongLe(16, IOVA);
      memory.putLongLe(24, PAGE);
      assertThat(bridge.ioctl(raw.container(), 0x3B71, at)).isZero();
      assertThat(bridge.ioctl(raw.container(), 0x3B71, at)).isEqualTo(Errno.EEXIST.result());
      assertThat(bridge.ioctl(raw.container(), 0x3B71, PAGE)).isEqualTo(Errno.EFAULT.result());
      memory.putIntLe(0, 24);
      memory.putIntLe(4, 0);
      memory.putLongLe(8, IOVA);
      memory.putLongLe(16, 8 * PAGE);
      assertThat(bridge.ioctl(raw.container(), 0x3B72, at)).isZero();
      assertThat(memory.getLongLe(16)).isEqualTo(PAGE);
    }
  }

  /** The two devices behind the bridge are reset together, shown to be owned by their group. */
  @Test
  void hotReset() {
    CompatBridge bridge = CompatBridge.over(Lab.KERNEL, AssignmentPolicy.STAGE_2);
    try (RawContainer raw = new RawContainer(bridge, VfioMode.BRIDGE_TYPE1V2, Lab.SHARED_1)) {
      int device = raw.ready().device();
      int group = Lab.sysfs(Lab.SHARED_1).iommuGroup().orElseThrow();
      NativeBlock info = new NativeBlock(12 + 8 * 8);
      info.putInt(0, info.capacity());
      assertThat(bridge.ioctl(device, 0x3B70, info)).isZero();
      assertThat(info.getInt(4)).as("flags of a group").isZero();
      assertThat(info.getInt(8)).isEqualTo(2);
      assertThat(List.of(info.getInt(12), info.getInt(20))).containsExactly(group, group);
      info.putInt(0, 12 + 8);
      assertThat(bridge.ioctl(device, 0x3B70, info)).isEqualTo(Errno.ENOSPC.result());
      NativeBlock reset = new NativeBlock(16);
      reset.putInt(0, reset.capacity());
      assertThat(bridge.ioctl(device, 0x3B71, reset)).isEqualTo(Errno.EINVAL.result());
      reset.putInt(8, 1);
      reset.putInt(12, raw.container());
      assertThat(bridge.ioctl(device, 0x3B71, reset)).isEqualTo(Errno.EINVAL.result());
      reset.putInt(12, 9999);
      assertThat(bridge.ioctl(device, 0x3B71, reset)).isEqualTo(Errno.EBADF.result());
      reset.putInt(12, raw.group());
      assertThat(bridge.ioctl(device, 0x3B71, reset)).isZero();
    }
  }

  @Test
  void manyThreads() throws ExecutionException, InterruptedException {
    CompatBridge bridge = CompatBridge.over(Lab.KERNEL, AssignmentPolicy.STAGE_1);
    ExecutorService threads = Executors.newFixedThreadPool(4);
    MappedMemory memory = Memory.pages(1);
    try (AssignedDevice edu = AssignedDevice.open(bridge, VfioMode.BRIDGE_TYPE1V2, Lab.EDU)) {
      List<Future<?>> running = new ArrayList<>();
      for (int thread = 0; thread < 4; thread++) {
        long base = IOVA + thread * (64 * PAGE);
        running.add(
            threads.submit(
                () -> {
                  for (int round = 0; round < 200; round++) {
                    long iova = base + (round % 32) * PAGE;
                    edu.dma().map(memory.address(), PAGE, iova, DmaAccess.READ);
                    assertThat(edu.dma().unmap(iova, PAGE)).isEqualTo(PAGE);
                  }
                }));
      }
      for (Future<?> one : running) {
        one.get();
      }
      assertThat(((Type1Iommu) edu.dma()).info().dmaAvail()).hasValue(65535);
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void whatCannotBeHadIsRefusedWithItsReason() {
    CompatBridge bridge = CompatBridge.over(Lab.KERNEL, AssignmentPolicy.STAGE_1);
    MappedMemory memory = Memory.pages(1);
    try (RawContainer raw = new RawContainer(bridge, VfioMode.BRIDGE_TYPE1V2, Lab.EDU)) {
      raw.ready();
      assertThat(raw.extension(10)).isEqualTo("0");
      assertThat(raw.map(4, memory.address(), IOVA, PAGE)).isEqualTo("EINVAL");
      assertThat(bridge.explanation().orElseThrow().fact()).contains("VFIO_UPDATE_VADDR");
      assertThat(raw.unmap(4, IOVA, PAGE)).startsWith("EINVAL");
      assertThat(raw.map(memory.address(), IOVA + 1, PAGE)).isEqualTo("EINVAL");
      assertThat(bridge.explanation()).isEmpty();
    }
    MigrationReport report = bridge.migrationReport();
    assertThat(report.withoutEqual())
        .extracting(MigrationReport.Refused::call)
        .contains(LegacyCall.IOMMU_MAP_DMA_VADDR, LegacyCall.IOMMU_UNMAP_DMA_VADDR);
  }

  @Test
  void theReportSaysWhatTheCallsBecame() {
    CompatBridge bridge = CompatBridge.over(Lab.KERNEL, AssignmentPolicy.STAGE_1);
    try (AssignedDevice edu = AssignedDevice.open(bridge, VfioMode.BRIDGE_TYPE1V2, Lab.EDU);
        MappedRegion registers = edu.device().region(VfioPci.BAR0).map()) {
      assertThat(registers.getIntLe(Edu.IDENTIFICATION)).isEqualTo(Edu.IDENTITY);
      for (int i = 0; i < 7; i++) {
        DmaBuffer.allocateAt(edu.dma(), IOVA, PAGE, PageSize.NORMAL, DmaAccess.READ_WRITE).close();
      }
    }
    MigrationReport report = bridge.migrationReport();
    assertThat(report.count(LegacyCall.IOMMU_MAP_DMA)).isEqualTo(7);
    assertThat(report.count(LegacyCall.IOMMU_MAP_DMA, DeviceCall.IOMMU_IOAS_MAP)).isEqualTo(7);
    assertThat(report.count(LegacyCall.GROUP_SET_CONTAINER, DeviceCall.VFIO_DEVICE_BIND_IOMMUFD))
        .isEqualTo(1);
    assertThat(report.toString())
        .containsPattern("VFIO_IOMMU_MAP_DMA +bridge_type1v2 +7  IOMMU_IOAS_MAP x 7\n")
        .contains("ioas.map(userVa, length, iova, DmaAccess.READ_WRITE);\n");
    assertThat(report.rows()).allMatch(row -> row.count() > 0, "was made");
    assertThat(report.patterns())
        .contains(MigrationPattern.DEVICE_IN_A_SPACE, MigrationPattern.MAP_AND_UNMAP)
        .doesNotContain(MigrationPattern.UNMAP_OF_NOTHING, MigrationPattern.UNMAP_OF_SEVERAL);
    assertThat(report.toJson())
        .contains("\"call\": \"VFIO_IOMMU_MAP_DMA\", \"mode\": \"bridge_type1v2\", \"count\": 7");
  }
}
