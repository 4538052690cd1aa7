// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vfio4j.Errno;
import org.vfio4j.cdev.Attachment;
import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.device.uapi.VfioDeviceInfo;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.device.uapi.VfioIrqSet;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1Info;
import org.vfio4j.iommufd.DevId;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.FaultQueue;
import org.vfio4j.iommufd.HwptData;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.iommufd.NestedHwpt;
import org.vfio4j.iommufd.PagingHwpt;
import org.vfio4j.iommufd.uapi.IommuHwptAlloc;
import org.vfio4j.iommufd.uapi.IommuHwptGetDirtyBitmap;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.memory.NativeBlock;
import org.vfio4j.testkit.device.NvmeModel;
import org.vfio4j.testkit.machine.KernelVersion;
import org.vfio4j.testkit.machine.Machine;
import org.vfio4j.testkit.machine.MachineIommu.Make;

/** What a call answers in one release and not in another, and what depends on the IOMMU's make. */
class ReleasesTest {
  private static final PciAddress ADDRESS = PciAddress.of("0000:00:05.0");
  private static final int NONE = 4711;
  private static final int AVAILABLE = VfioGroupUapi.VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL;
  private static final int RANGES = VfioGroupUapi.VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE;

  private static FakeKernel kernel(KernelVersion version, Consumer<Machine> more) {
    return FakeKernel.of(
        version,
        machine -> {
          machine.device(ADDRESS.toString(), new Busmaster()).inGroup(1).boundTo("vfio-pci");
          more.accept(machine);
        });
  }

  private static FakeKernel kernel(KernelVersion version) {
    return kernel(version, machine -> {});
  }

  private static int open(FakeKernel kernel, String path) {
    int fd = kernel.open(path, Linux.O_RDWR);
    assertThat(fd).as(path).isNotNegative();
    return fd;
  }

  private static NativeBlock word(int value) {
    NativeBlock word = new NativeBlock(Integer.BYTES);
    word.putInt(0, value);
    return word;
  }

  private static NativeBlock name(String name) {
    byte[] bytes = (name + "\0").getBytes(UTF_8);
    NativeBlock block = new NativeBlock(bytes.length);
    block.asByteBuffer().put(bytes);
    return block;
  }

  private static Errno errno(int result) {
    return Errno.ofResult(result);
  }

  /** With group 1 in it and an IOMMU; the group's descriptor is the next one. */
  private static int container(FakeKernel kernel, String path) {
    int container = open(kernel, path);
    int group = open(kernel, "/dev/vfio/1");
    assertThat(kernel.ioctl(group, VfioGroupUapi.VFIO_GROUP_SET_CONTAINER, word(container)))
        .isZero();
    assertThat(
            kernel.ioctl(container, VfioGroupUapi.VFIO_SET_IOMMU, VfioGroupUapi.VFIO_TYPE1v2_IOMMU))
        .isZero();
    return container;
  }

  private static VfioIommuType1Info info(FakeKernel kernel, int container) {
    VfioIommuType1Info info = new VfioIommuType1Info(512);
    assertThat(kernel.ioctl(container, VfioGroupUapi.VFIO_IOMMU_GET_INFO, info)).isZero();
    return info;
  }

  /** Where a capability is; 0 where it is not. */
  private static int capability(VfioIommuType1Info info, int id) {
    int at = info.capOffset();
    while (at != 0 && info.getShort(at) != id) {
      at = info.getInt(at + 4);
    }
    return at;
  }

  /** What comes behind the 12 bytes of DMA_AVAIL begins at a multiple of 8 since Linux 6.6. */
  @ParameterizedTest(name = "{0} of {1}")
  @CsvSource({
    "/dev/vfio/vfio, LINUX_5_15, 68",
    "/dev/vfio/vfio, LINUX_6_1, 68",
    "/dev/vfio/vfio, LINUX_6_6, 72",
    "/dev/iommu, LINUX_6_2, 36",
    "/dev/iommu, LINUX_6_6, 40"
  })
  void capabilitiesAreAligned(String path, KernelVersion version, int ranges) {
    FakeKernel kernel = kernel(version);
    VfioIommuType1Info info = info(kernel, container(kernel, path));
    assertThat(capability(info, AVAILABLE)).isEqualTo(ranges - (ranges % 8 == 0 ? 16 : 12));
    assertThat(capability(info, RANGES)).isEqualTo(ranges);
    assertThat(info.getInt(ranges + 8)).as("ranges").isPositive();
  }

  private static int device(FakeKernel kernel) {
    int group = container(kernel, "/dev/vfio/vfio") + 1;
    int request = VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD;
    int device = kernel.ioctl(group, request, name(ADDRESS.toString()));
    assertThat(device).isPositive();
    return device;
  }

  /** The word behind cap_offset came with the alignment. */
  @ParameterizedTest
  @CsvSource({"LINUX_6_1, -1", "LINUX_6_6, 0"})
  void theInfoOfADeviceIsPadded(KernelVersion version, int behind) {
    FakeKernel kernel = kernel(version);
    VfioDeviceInfo info = new VfioDeviceInfo(0);
    int last = VfioDeviceInfo.SIZEOF - Integer.BYTES;
    info.putInt(last, -1);
    assertThat(kernel.ioctl(device(kernel), VfioDeviceUapi.VFIO_DEVICE_GET_INFO, info)).isZero();
    assertThat(info.getInt(last)).isEqualTo(behind);
  }

  /** Below -1, which takes it away, there is no descriptor. */
  @ParameterizedTest
  @CsvSource({"LINUX_6_1, 0", "LINUX_6_12, -22", "LINUX_6_17, 0", "NEWEST, -22"})
  void strangeTriggers(KernelVersion version, int expected) {
    FakeKernel kernel = kernel(version);
    NativeBlock set = new NativeBlock(VfioIrqSet.SIZEOF + Integer.BYTES);
    set.putInt(VfioIrqSet.ARGSZ, set.capacity());
    set.putInt(
        VfioIrqSet.FLAGS,
        VfioDeviceUapi.VFIO_IRQ_SET_DATA_EVENTFD | VfioDeviceUapi.VFIO_IRQ_SET_ACTION_TRIGGER);
    set.putInt(VfioIrqSet.INDEX, VfioDeviceUapi.VFIO_PCI_REQ_IRQ_INDEX);
    set.putInt(VfioIrqSet.COUNT, 1);
    set.putInt(VfioIrqSet.SIZEOF, -2);
    assertThat(kernel.ioctl(device(kernel), VfioDeviceUapi.VFIO_DEVICE_SET_IRQS, set))
        .isEqualTo(expected);
  }

  /** The first calls for page tables knew one kind. */
  @Test
  void theFirstPageTables() {
    FakeKernel kernel = kernel(KernelVersion.LINUX_6_6);
    try (Iommufd iommufd = Iommufd.open(kernel);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice device =
            VfioCdev.find(kernel, ADDRESS).open().bind(iommufd, DeviceCookie.of(1));
        PagingHwpt hwpt = ioas.hwpt(device.devId()).allocate()) {
      IommuHwptAlloc alloc = new IommuHwptAlloc().devId(device.devId().value());
      int request = IommufdUapi.IOMMU_HWPT_ALLOC;
      for (int wrong : new int[] {NONE, hwpt.id().value(), device.devId().value()}) {
        assertThat(errno(kernel.ioctl(iommufd.fd(), request, alloc.ptId(wrong))))
            .isEqualTo(Errno.ENOENT);
      }
      alloc.ptId(ioas.id().value()).flags(1).devId(NONE);
      assertThat(errno(kernel.ioctl(iommufd.fd(), request, alloc))).isEqualTo(Errno.EOPNOTSUPP);
      device.close();
    }
  }

  /** It came with the bitmaps. */
  @Test
  void bitmapsWereReadWithoutClearingFromTheStart() {
    FakeKernel kernel = kernel(KernelVersion.LINUX_6_7, machine -> machine.iommu().dirtyTracking());
    try (Iommufd iommufd = Iommufd.open(kernel)) {
      IommuHwptGetDirtyBitmap get =
          new IommuHwptGetDirtyBitmap()
              .hwptId(NONE)
              .flags(IommufdUapi.IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR);
      int request = IommufdUapi.IOMMU_HWPT_GET_DIRTY_BITMAP;
      assertThat(errno(kernel.ioctl(iommufd.fd(), request, get))).isEqualTo(Errno.ENOENT);
      assertThat(errno(kernel.ioctl(iommufd.fd(), request, get.flags(2))))
          .isEqualTo(Errno.EOPNOTSUPP);
    }
  }

  /** Linux 5.15 looks at the group before it looks at the argument. */
  @ParameterizedTest
  @CsvSource({"LINUX_5_15, EINVAL, EINVAL, EINVAL", "LINUX_6_1, EBADF, EBADF, ENODEV"})
  void groupsLookAtThemselvesFirst(
      KernelVersion version, Errno negative, Errno closed, Errno unknown) {
    FakeKernel kernel = kernel(version);
    int group = open(kernel, "/dev/vfio/1");
    int join = VfioGroupUapi.VFIO_GROUP_SET_CONTAINER;
    int getDevice = VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD;
    assertThat(errno(kernel.ioctl(group, join, word(-1)))).isEqualTo(negative);
    assertThat(errno(kernel.ioctl(group, join, word(NONE)))).isEqualTo(Errno.EBADF);
    assertThat(errno(kernel.ioctl(group, getDevice, name("none")))).isEqualTo(unknown);
    int container = open(kernel, "/dev/vfio/vfio");
    assertThat(kernel.ioctl(group, join, word(container))).isZero();
    assertThat(errno(kernel.ioctl(group, join, word(NONE)))).isEqualTo(closed);
    assertThat(errno(kernel.ioctl(group, getDevice, name("none")))).isEqualTo(unknown);
    assertThat(
            kernel.ioctl(container, VfioGroupUapi.VFIO_SET_IOMMU, VfioGroupUapi.VFIO_TYPE1v2_IOMMU))
        .isZero();
    assertThat(errno(kernel.ioctl(group, getDevice, name("none")))).isEqualTo(Errno.ENODEV);
  }

  @Test
  void theFirstIommufdKnewNoGroupsWithoutAnIommu() {
    FakeKernel kernel =
        FakeKernel.of(
            KernelVersion.LINUX_6_2,
            machine ->
                machine
                    .noIommuMode()
                    .device(ADDRESS.toString(), new Busmaster())
                    .boundTo("vfio-pci"));
    int iommufd = open(kernel, "/dev/iommu");
    int type = VfioGroupUapi.VFIO_NOIOMMU_IOMMU;
    assertThat(kernel.ioctl(iommufd, VfioGroupUapi.VFIO_CHECK_EXTENSION, type)).isZero();
    int group = open(kernel, "/dev/vfio/noiommu-0");
    assertThat(kernel.ioctl(group, VfioGroupUapi.VFIO_GROUP_SET_CONTAINER, word(iommufd))).isZero();
    assertThat(errno(kernel.ioctl(iommufd, VfioGroupUapi.VFIO_SET_IOMMU, type)))
        .isEqualTo(Errno.EINVAL);
    int request = VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD;
    assertThat(errno(kernel.ioctl(group, request, name(ADDRESS.toString()))))
        .isEqualTo(Errno.EINVAL);
  }

  @Test
  void nestingContainersAreNoMore() {
    int request = VfioGroupUapi.VFIO_CHECK_EXTENSION;
    FakeKernel last = kernel(KernelVersion.LINUX_6_12);
    assertThat(last.ioctl(open(last, "/dev/vfio/vfio"), request, 6)).isEqualTo(1);
    FakeKernel next = kernel(KernelVersion.LINUX_6_13);
    assertThat(next.ioctl(open(next, "/dev/vfio/vfio"), request, 6)).isZero();
  }

  /** Before they were tied to it, an id of a guest's device outlived the device. */
  @Test
  void aVirtualDeviceKeepsItsIommu() {
    FakeKernel kernel =
        kernel(KernelVersion.LINUX_6_15, machine -> machine.iommu().of(Make.ARM_SMMUV3).nesting());
    try (Iommufd iommufd = Iommufd.open(kernel);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice device =
            VfioCdev.find(kernel, ADDRESS).open().bind(iommufd, DeviceCookie.of(1))) {
      DevId devId = device.devId();
      var parent = ioas.hwpt(devId).nestParent().allocate();
      var viommu = parent.viommu(devId, IommufdUapi.IOMMU_VIOMMU_TYPE_ARM_SMMUV3);
      var first = viommu.vdevice(devId, 1);
      var second = viommu.vdevice(devId, 2);
      device.close();
      Refused.with(Errno.EBUSY, () -> iommufd.destroy(viommu.id()));
      second.close();
      Refused.with(Errno.EBUSY, () -> iommufd.destroy(viommu.id()));
      first.close();
      viommu.close();
      parent.close();
    }
  }

  /** Of the page requests of a function, since those of virtual functions are shared. */
  @Test
  void virtualFunctionsHaveNoPageFaults() {
    FakeKernel kernel =
        FakeKernel.of(
            KernelVersion.LINUX_6_12,
            machine -> {
              machine.iommu().nesting().pageFaults();
              machine
                  .device(ADDRESS.toString(), new NvmeModel("vf", 1 << 20).withVirtualFunctions(1))
                  .inGroup(1)
                  .boundTo("vfio-pci");
            });
    byte[] one = {'1'};
    kernel.writeFile("/sys/module/vfio_pci/parameters/enable_sriov", one);
    kernel.writeFile("/sys/bus/pci/devices/" + ADDRESS + "/sriov_numvfs", one);
    VfioCdev node = VfioCdev.find(kernel, PciAddress.of("0000:00:05.1"));
    try (Iommufd iommufd = Iommufd.open(kernel);
        Ioas ioas = iommufd.allocateIoas();
        FaultQueue queue = iommufd.allocateFaultQueue();
        BoundDevice device = node.open().bind(iommufd, DeviceCookie.of(1));
        PagingHwpt parent = ioas.hwpt(device.devId()).nestParent().allocate();
        NestedHwpt nested =
            parent.nested(device.devId(), HwptData.vtd(0, 0, 48)).faultsTo(queue).allocate()) {
      Refused.with(Errno.EINVAL, () -> device.attach(nested));
      device.close();
    }
  }

  /**
   * iommufd_device_do_replace() takes back what it did not reserve, when the IOMMU refuses a page
   * table over the same IOAS.
   */
  @Test
  void aReplaceThatFailsLosesWhatWasReserved() {
    FakeKernel kernel = kernel(KernelVersion.LINUX_6_12, machine -> machine.iommu().nesting());
    try (Iommufd iommufd = Iommufd.open(kernel);
        Ioas ioas = iommufd.allocateIoas();
        FaultQueue queue = iommufd.allocateFaultQueue();
        BoundDevice device =
            VfioCdev.find(kernel, ADDRESS).open().bind(iommufd, DeviceCookie.of(1));
        PagingHwpt parent = ioas.hwpt(device.devId()).nestParent().allocate();
        NestedHwpt nested =
            parent.nested(device.devId(), HwptData.vtd(0, 0, 48)).faultsTo(queue).allocate()) {
      Attachment attachment = device.attach(parent);
      int before = ioas.allowedIovas().size();
      Refused.with(Errno.ENODEV, () -> attachment.replace(nested));
      assertThat(ioas.allowedIovas()).hasSize(before - 1);
      device.close();
    }
  }

  /** AMD's tables have all sizes of pages but one, and make transfers coherent. */
  @ParameterizedTest(name = "{0}")
  @CsvSource({"INTEL_VTD, 40201000, 0", "AMD, fff7ffffff000, 1"})
  void iommusHavePageSizesAndCoherency(Make make, String sizes, int coherent) {
    for (String path : new String[] {"/dev/vfio/vfio", "/dev/iommu"}) {
      FakeKernel kernel = kernel(KernelVersion.LINUX_6_12, machine -> machine.iommu().of(make));
      int container = container(kernel, path);
      if (path.equals("/dev/iommu")) {
        int request = VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD;
        assertThat(kernel.ioctl(container + 1, request, name(ADDRESS.toString()))).isPositive();
      }
      assertThat(Long.toHexString(info(kernel, container).iovaPgsizes())).isEqualTo(sizes);
      int extension = VfioGroupUapi.VFIO_DMA_CC_IOMMU;
      assertThat(kernel.ioctl(container, VfioGroupUapi.VFIO_CHECK_EXTENSION, extension))
          .isEqualTo(coherent);
    }
  }
}
