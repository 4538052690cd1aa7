// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.cdev.Attachment;
import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.VfioPci;
import org.vfio4j.dma.DirtyBitmap;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.iommufd.DevId;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.FaultQueue;
import org.vfio4j.iommufd.HwInfo;
import org.vfio4j.iommufd.HwQueue;
import org.vfio4j.iommufd.HwptData;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.IoasId;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.iommufd.NestedHwpt;
import org.vfio4j.iommufd.PageFaults;
import org.vfio4j.iommufd.PagingHwpt;
import org.vfio4j.iommufd.Vdevice;
import org.vfio4j.iommufd.Viommu;
import org.vfio4j.iommufd.VirtualEvent;
import org.vfio4j.iommufd.VirtualEventQueue;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;
import org.vfio4j.testkit.device.DeviceBus;
import org.vfio4j.testkit.device.DeviceModel;
import org.vfio4j.testkit.device.PciFunction;
import org.vfio4j.testkit.device.PciFunction.Space;
import org.vfio4j.testkit.machine.KernelVersion;
import org.vfio4j.testkit.machine.MachineIommu;

/** What iommufd got after the release in the lab, and what the lab's IOMMU lacks. */
class NewerIommufdTest {
  private static final PciAddress ADDRESS = PciAddress.of("0000:00:05.0");
  private static final long PAGE = 4096;
  private static final long IOVA = 0x100_0000;
  private static final int MOCK_VIOMMU = 0xdeadbeef;
  private static final int MOCK_EVENTS = 0xbeefbeef;
  private static final int MOCK_QUEUE = 0xdeadbeef;

  /** A device that transfers when the test says so. */
  private static final class Busmaster implements DeviceModel {
    private final PciFunction function = PciFunction.of(0x1234, 0x11e8).bar(0, 4096, Space.MEMORY);
    private DeviceBus bus;
    private boolean done;

    @Override
    public PciFunction function() {
      return function;
    }

    @Override
    public void connect(DeviceBus connected) {
      bus = connected;
    }

    @Override
    public long read(int bar, long offset, int width) {
      return done ? 1 : 0;
    }

    @Override
    public void write(int bar, long offset, int width, long value) {
      done = bus.writeMemory(value, new byte[] {1, 2, 3, 4}, 0, 4);
    }

    @Override
    public void reset() {}
  }

  /** Whether the device could write four bytes there. */
  private static boolean writes(BoundDevice device, long iova) {
    try (MappedRegion registers = device.region(VfioPci.BAR0).map()) {
      registers.putLongLe(0, iova);
      return registers.getIntLe(0) != 0;
    }
  }

  private final Busmaster model = new Busmaster();

  private FakeKernel kernel(KernelVersion version) {
    return FakeKernel.of(
        version,
        machine -> {
          machine.iommufdTest();
          MachineIommu iommu = machine.iommu();
          iommu.dirtyTracking().nesting().pageFaults().pasids(20);
          machine.device(ADDRESS.toString(), model).inGroup(1).boundTo("vfio-pci");
        });
  }

  private static BoundDevice bind(FakeKernel kernel, Iommufd iommufd) {
    BoundDevice device = VfioCdev.find(kernel, ADDRESS).open().bind(iommufd, DeviceCookie.of(42));
    device.config().enableMemory(true);
    device.config().enableBusMaster(true);
    return device;
  }

  private static VfioException refused(Reason reason, Errno errno, ThrowingCallable call) {
    VfioException refusal = catchThrowableOfType(VfioException.class, call);
    assertThat(refusal).as("a refusal with %s", errno).isNotNull();
    assertThat(refusal.reason()).as(refusal.getMessage()).isEqualTo(reason);
    assertThat(refusal.errno()).as(refusal.getMessage()).contains(errno);
    return refusal;
  }

  private static MappedMemory pages(FakeKernel kernel, int count) {
    return kernel
        .mmap(
            -1,
            0,
            count * PAGE,
            Linux.PROT_READ | Linux.PROT_WRITE,
            Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS)
        .value();
  }

  /** A model's transfers leave their marks where they went. */
  @Test
  void transfersMakePagesDirty() {
    FakeKernel kernel = kernel(KernelVersion.LINUX_6_12);
    MappedMemory memory = pages(kernel, 4);
    try (Iommufd iommufd = Iommufd.open(kernel);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice device = bind(kernel, iommufd);
        PagingHwpt hwpt = ioas.hwpt(device.devId()).dirtyTracking().allocate()) {
      ioas.map(memory.address(), 4 * PAGE, IOVA, DmaAccess.READ_WRITE);
      device.attach(hwpt);
      hwpt.setDirtyTracking(true);
      assertThat(writes(device, IOVA + PAGE - 2)).isTrue();
      DirtyBitmap bitmap = new DirtyBitmap(IOVA, 4 * PAGE, PAGE);
      hwpt.readDirty(bitmap);
      assertThat(bitmap.words().getLong(0)).isEqualTo(0b11);
      assertThat(memory.getByte(PAGE)).isEqualTo((byte) 3);
    }
  }

  /** Through two tables; where the guest's leads nowhere, the program is asked. */
  @Test
  void aGuestsTableIsWalkedAndItsFaultsAreTold() {
    FakeKernel kernel = kernel(KernelVersion.LINUX_6_12);
    MappedMemory memory = pages(kernel, 8);
    try (Iommufd iommufd = Iommufd.open(kernel);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice device = bind(kernel, iommufd);
        FaultQueue queue = iommufd.allocateFaultQueue();
        PagingHwpt parent = ioas.hwpt(device.devId()).nestParent().allocate()) {
      ioas.map(memory.address(), 8 * PAGE, 0, DmaAccess.READ_WRITE);
      long guestAddress = 0x40_2000;
      long[] indexes = {0, 0, 2, 2};
      for (int level = 0; level < 4; level++) {
        memory.putLongLe(level * PAGE + indexes[level] * 8, (level + 1) * PAGE | 3);
      }
      try (NestedHwpt nested =
          parent.nested(device.devId(), HwptData.vtd(0, 0, 48)).faultsTo(queue).allocate()) {
        device.attach(nested);
        assertThat(writes(device, guestAddress + 8)).isTrue();
        assertThat(memory.getIntLe(4 * PAGE + 8)).isEqualTo(0x04030201);
        assertThat(writes(device, guestAddress + PAGE)).isFalse();
        PageFaults fault = queue.read().get(0);
        assertThat(fault.deviceCookie()).contains(DeviceCookie.of(42));
        assertThat(fault.faults().get(0).address()).isEqualTo(guestAddress + PAGE);
        assertThat(fault.faults().get(0).isWrite()).isTrue();
        memory.putLongLe(3 * PAGE + 3 * 8, 5 * PAGE | 3);
        queue.resolve(fault);
        assertThat(writes(device, guestAddress + PAGE)).isTrue();
        assertThat(memory.getIntLe(5 * PAGE)).isEqualTo(0x04030201);
        device.close();
      }
    }
  }

  @Test
  void olderReleasesSayWhatTheyLack() {
    FakeKernel old = kernel(KernelVersion.LINUX_6_2);
    try (Iommufd iommufd = Iommufd.open(old);
        Ioas ioas = iommufd.allocateIoas()) {
      VfioException refusal =
          refused(Reason.NOT_IN_KERNEL, Errno.ENOTTY, iommufd::allocateFaultQueue);
      assertThat(refusal.hint()).contains("Linux 6.11");
      refused(Reason.NOT_IN_KERNEL, Errno.ENOTTY, iommufd::changeProcess);
      refused(
          Reason.NOT_IN_KERNEL, Errno.ENOTTY, () -> ioas.mapFile(0, 0, PAGE, IOVA, DmaAccess.READ));
    }
    FakeKernel lab = kernel(KernelVersion.LINUX_6_12);
    try (Iommufd iommufd = Iommufd.open(lab);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice device = bind(lab, iommufd);
        PagingHwpt parent = ioas.hwpt(device.devId()).nestParent().allocate()) {
      refused(
          Reason.NOT_IN_KERNEL,
          Errno.ENOTTY,
          () -> parent.viommu(device.devId(), IommufdUapi.IOMMU_VIOMMU_TYPE_ARM_SMMUV3));
      refused(Reason.INVALID_ARGUMENT, Errno.EINVAL, () -> device.attachPasid(1, parent));
      refused(Reason.NOT_IN_KERNEL, Errno.ENODEV, () -> iommufd.map(0, PAGE));
      refused(Reason.NOT_IN_KERNEL, Errno.ENOTTY, () -> ioas.noIommuPhysical(0, 0));
      device.close();
    }
  }

  @Test
  void filesAreMappedAndBelongToNoProcess() {
    FakeKernel kernel = kernel(KernelVersion.LINUX_6_13);
    int file = kernel.memoryFile(4 * PAGE);
    MappedMemory memory = pages(kernel, 1);
    try (Iommufd iommufd = Iommufd.open(kernel);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice device = bind(kernel, iommufd)) {
      iommufd.changeProcess();
      ioas.mapFile(file, PAGE, 2 * PAGE, IOVA, DmaAccess.READ_WRITE);
      device.attach(ioas);
      assertThat(writes(device, IOVA + PAGE)).isTrue();
      NativeBlock read = new NativeBlock(4);
      assertThat(kernel.pread(file, read, 4, 2 * PAGE)).isEqualTo(4);
      assertThat(read.getInt(0)).isEqualTo(0x04030201);
      iommufd.changeProcess();
      ioas.map(memory.address(), PAGE, 2 * IOVA, DmaAccess.READ);
      refused(Reason.INVALID_ARGUMENT, Errno.EINVAL, iommufd::changeProcess);
      refused(
          Reason.OVERLAP, Errno.EEXIST, () -> ioas.mapFile(file, 0, PAGE, IOVA, DmaAccess.READ));
      refused(
          Reason.INVALID_ARGUMENT,
          Errno.EBADF,
          () -> ioas.mapFile(4711, 0, PAGE, 3 * IOVA, DmaAccess.READ));
      refused(
          Reason.INVALID_ARGUMENT,
          Errno.EINVAL,
          () -> ioas.mapFile(iommufd.fd(), 0, PAGE, 3 * IOVA, DmaAccess.READ));
      assertThat(ioas.mapFile(file, 0, PAGE, DmaAccess.READ)).isNotZero();
    }
    kernel.close(file);
  }

  @Test
  void pasidsAreAttachedApart() {
    FakeKernel kernel = kernel(KernelVersion.LINUX_6_15);
    try (Iommufd iommufd = Iommufd.open(kernel);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice device = bind(kernel, iommufd);
        PagingHwpt plain = ioas.hwpt(device.devId()).allocate();
        PagingHwpt first = ioas.hwpt(device.devId()).pasid().allocate();
        PagingHwpt second = ioas.hwpt(device.devId()).pasid().allocate()) {
      HwInfo info = iommufd.hwInfo(device.devId());
      assertThat(info.maxPasidLog2()).isEqualTo(20);
      refused(Reason.INVALID_ARGUMENT, Errno.EINVAL, () -> device.attachPasid(5, plain));
      Attachment without = device.attach(plain);
      refused(Reason.INVALID_ARGUMENT, Errno.EINVAL, () -> device.attachPasid(5, first));
      without.replace(first);
      Attachment five = device.attachPasid(5, first);
      Attachment six = device.attachPasid(6, second);
      assertThat(five.ptId()).isEqualTo(first.id());
      assertThat(five.replace(second).ptId()).isEqualTo(second.id());
      refused(Reason.IN_USE, Errno.EBUSY, () -> iommufd.destroy(second.id().value()));
      refused(Reason.INVALID_ARGUMENT, Errno.EINVAL, () -> device.attachPasid(1 << 20, first));
      six.detach();
      assertThat(six.isCurrent()).isFalse();
      device.close();
    }
  }

  /** The self-test's device and virtual IOMMU. */
  private static int mockDevice(FakeKernel kernel, Iommufd iommufd, Ioas ioas, int[] devId) {
    NativeBlock test = new NativeBlock(72);
    test.putInt(0, 72);
    test.putInt(4, 12);
    test.putInt(8, ioas.id().value());
    assertThat(kernel.ioctl(iommufd.fd(), 0x3BA0, test)).isZero();
    devId[0] = test.getInt(24);
    return test.getInt(16);
  }

  private static void triggerEvent(FakeKernel kernel, Iommufd iommufd, int devId) {
    NativeBlock test = new NativeBlock(72);
    test.putInt(0, 72);
    test.putInt(4, 17);
    test.putInt(16, devId);
    assertThat(kernel.ioctl(iommufd.fd(), 0x3BA0, test)).isZero();
  }

  @Test
  void aVirtualIommuHasDevicesEventsAndQueues() {
    FakeKernel kernel = kernel(KernelVersion.LINUX_6_17);
    MappedMemory memory = pages(kernel, 2);
    int[] id = new int[1];
    try (Iommufd iommufd = Iommufd.open(kernel);
        Ioas ioas = iommufd.allocateIoas()) {
      int mock = mockDevice(kernel, iommufd, ioas, id);
      DevId device = new DevId(id[0]);
      try (PagingHwpt parent = ioas.hwpt(device).nestParent().allocate();
          PagingHwpt plain = ioas.hwpt(device).allocate()) {
        refused(Reason.INVALID_ARGUMENT, Errno.EINVAL, () -> plain.viommu(device, MOCK_VIOMMU));
        refused(
            Reason.NOT_SUPPORTED,
            Errno.EOPNOTSUPP,
            () -> parent.viommu(device, IommufdUapi.IOMMU_VIOMMU_TYPE_ARM_SMMUV3));
        try (Viommu viommu = parent.viommu(device, MOCK_VIOMMU);
            Vdevice vdevice = viommu.vdevice(device, 0x99);
            VirtualEventQueue events = viommu.eventQueue(MOCK_EVENTS, 2)) {
          assertThat(vdevice.virtualId()).isEqualTo(0x99);
          refused(Reason.OVERLAP, Errno.EEXIST, () -> viommu.vdevice(device, 0x98));
          refused(Reason.OVERLAP, Errno.EEXIST, () -> viommu.eventQueue(MOCK_EVENTS, 2));
          refused(Reason.INVALID_ARGUMENT, Errno.EINVAL, () -> viommu.eventQueue(7, 0));
          refused(Reason.IN_USE, Errno.EBUSY, () -> iommufd.destroy(viommu.id()));
          refused(Reason.IN_USE, Errno.EBUSY, () -> iommufd.destroy(events.id()));
          eventsAreCounted(kernel, iommufd, id[0], events);
          queuesKeepTheirMemory(ioas, viommu, memory);
        }
      }
      iommufd.destroy(mock);
    }
  }

  private static void eventsAreCounted(
      FakeKernel kernel, Iommufd iommufd, int devId, VirtualEventQueue events) {
    assertThat(events.read()).isEmpty();
    for (int i = 0; i < 5; i++) {
      triggerEvent(kernel, iommufd, devId);
    }
    List<VirtualEvent> seen = events.await(0);
    assertThat(seen).extracting(VirtualEvent::sequence).containsExactly(0, 1, 4);
    assertThat(seen).extracting(VirtualEvent::lost).containsExactly(0, 0, 3);
    assertThat(seen.get(0).data().orElseThrow().getInt(0)).isEqualTo(0x99);
    assertThat(seen.get(2).data()).isEmpty();
    triggerEvent(kernel, iommufd, devId);
    assertThat(events.read()).extracting(VirtualEvent::lost).containsExactly(0);
  }

  private static void queuesKeepTheirMemory(Ioas ioas, Viommu viommu, MappedMemory memory) {
    refused(Reason.NO_SUCH_DEVICE, Errno.ENOENT, () -> viommu.hwQueue(MOCK_QUEUE, 0, IOVA, PAGE));
    ioas.map(memory.address(), PAGE, IOVA, DmaAccess.READ_WRITE);
    try (HwQueue queue = viommu.hwQueue(MOCK_QUEUE, 0, IOVA, PAGE)) {
      assertThat(queue.id()).isPositive();
      refused(Reason.IN_USE, Errno.EBUSY, () -> ioas.unmap(IOVA, PAGE));
    }
    ioas.unmap(IOVA, PAGE);
  }

  @Test
  void theSpaceOfContainersIsChosen() {
    FakeKernel kernel = kernel(KernelVersion.LINUX_6_12);
    try (Iommufd iommufd = Iommufd.open(kernel);
        Ioas ioas = iommufd.allocateIoas()) {
      assertThat(iommufd.vfioIoas()).isEmpty();
      iommufd.setVfioIoas(ioas.id());
      assertThat(iommufd.vfioIoas()).contains(ioas.id());
      iommufd.clearVfioIoas();
      assertThat(iommufd.vfioIoas()).isEmpty();
      refused(Reason.NO_SUCH_DEVICE, Errno.ENOENT, () -> iommufd.setVfioIoas(new IoasId(4711)));
    }
  }

  @Test
  void withoutAnIommuAddressesArePhysical() {
    FakeKernel kernel = kernel(KernelVersion.NEWEST);
    try (Iommufd iommufd = Iommufd.open(kernel);
        Ioas ioas = iommufd.allocateIoas()) {
      refused(Reason.INVALID_ARGUMENT, Errno.EINVAL, () -> ioas.noIommuPhysical(IOVA, 0));
      refused(Reason.INVALID_ARGUMENT, Errno.EOVERFLOW, () -> ioas.noIommuPhysical(-1, 0));
      refused(Reason.INVALID_ARGUMENT, Errno.ENXIO, () -> iommufd.map(0, PAGE));
    }
  }
}
