// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.cdev.uapi.VfioCdevUapi;
import org.vfio4j.cdev.uapi.VfioDeviceAttachIommufdPt;
import org.vfio4j.cdev.uapi.VfioDeviceBindIommufd;
import org.vfio4j.cdev.uapi.VfioDeviceDetachIommufdPt;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.iommufd.DevId;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.iommufd.PagingHwpt;
import org.vfio4j.iommufd.Vdevice;
import org.vfio4j.iommufd.Viommu;
import org.vfio4j.iommufd.uapi.IommuHwQueueAlloc;
import org.vfio4j.iommufd.uapi.IommuIoasChangeProcess;
import org.vfio4j.iommufd.uapi.IommuIoasMapFile;
import org.vfio4j.iommufd.uapi.IommuVdeviceAlloc;
import org.vfio4j.iommufd.uapi.IommuVeventqAlloc;
import org.vfio4j.iommufd.uapi.IommuViommuAlloc;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.SysfsDevice;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;
import org.vfio4j.testkit.device.MttyDriver;
import org.vfio4j.testkit.machine.KernelVersion;
import org.vfio4j.testkit.machine.MachineIommu.Make;

/** What calls are refused with that came after the release in the lab. */
class NewerRefusalsTest {
  private static final PciAddress ADDRESS = PciAddress.of("0000:00:05.0");
  private static final long PAGE = 4096;
  private static final long IOVA = 0x100_0000;
  private static final int NONE = 4711;
  private static final int SMMU = IommufdUapi.IOMMU_VIOMMU_TYPE_ARM_SMMUV3;
  private static final int TEGRA = IommufdUapi.IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV;
  private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";

  private interface Scenario {
    void run(FakeKernel kernel, Iommufd iommufd, Ioas ioas, BoundDevice device);
  }

  private static void on(KernelVersion version, Scenario scenario) {
    FakeKernel kernel =
        FakeKernel.of(
            version,
            machine -> {
              machine.iommu().of(Make.NVIDIA_TEGRA241).nesting();
              machine.device(ADDRESS.toString(), new Busmaster()).inGroup(1).boundTo("vfio-pci");
              machine.mediated(MttyDriver.PARENT, new MttyDriver());
            });
    try (Iommufd iommufd = Iommufd.open(kernel);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice device =
            VfioCdev.find(kernel, ADDRESS).open().bind(iommufd, DeviceCookie.of(1))) {
      scenario.run(kernel, iommufd, ioas, device);
    }
  }

  private static MappedMemory pages(FakeKernel kernel, int count, int protection) {
    return kernel
        .mmap(-1, 0, count * PAGE, protection, Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS)
        .value();
  }

  private static Errno call(Iommufd iommufd, int request, NativeBlock argument) {
    return Errno.ofResult(iommufd.kernel().ioctl(iommufd.fd(), request, argument));
  }

  @Test
  void mappingsOfFiles() {
    on(
        KernelVersion.LINUX_6_13,
        (kernel, iommufd, ioas, device) -> {
          int file = kernel.memoryFile(4 * PAGE);
          int id = ioas.id().value();
          int request = IommufdUapi.IOMMU_IOAS_MAP_FILE;
          IommuIoasMapFile map =
              new IommuIoasMapFile().ioasId(id).fd(file).length(PAGE).iova(IOVA).flags(8 | 5);
          assertThat(call(iommufd, request, map)).isEqualTo(Errno.EOPNOTSUPP);
          assertThat(call(iommufd, request, map.flags(5).iova(-1))).isEqualTo(Errno.EOVERFLOW);
          assertThat(call(iommufd, request, map.iova(IOVA).ioasId(NONE))).isEqualTo(Errno.ENOENT);
          ioas.allowIovas(List.of(new IovaRange(PAGE, 2 * PAGE - 1)));
          map.ioasId(id).flags(IommufdUapi.IOMMU_IOAS_MAP_READABLE).length(2 * PAGE);
          assertThat(call(iommufd, request, map)).isEqualTo(Errno.ENOSPC);
          kernel.close(file);
        });
  }

  @Test
  void anotherProcess() {
    on(
        KernelVersion.LINUX_6_13,
        (kernel, iommufd, ioas, device) -> {
          IommuIoasChangeProcess change = new IommuIoasChangeProcess();
          change.putInt(IommuIoasChangeProcess.RESERVED, 1);
          assertThat(call(iommufd, IommufdUapi.IOMMU_IOAS_CHANGE_PROCESS, change))
              .isEqualTo(Errno.EOPNOTSUPP);
        });
  }

  @Test
  void virtualIommus() {
    on(
        KernelVersion.LINUX_6_17,
        (kernel, iommufd, ioas, device) -> {
          int dev = device.devId().value();
          int alloc = IommufdUapi.IOMMU_VIOMMU_ALLOC;
          try (PagingHwpt parent = ioas.hwpt(device.devId()).nestParent().allocate()) {
            IommuViommuAlloc none = new IommuViommuAlloc().hwptId(parent.id().value()).devId(dev);
            assertThat(call(iommufd, alloc, none)).as("the default").isEqualTo(Errno.EOPNOTSUPP);
            assertThat(call(iommufd, alloc, none.type(SMMU).devId(NONE))).isEqualTo(Errno.ENOENT);
            assertThat(call(iommufd, alloc, none.devId(dev).hwptId(NONE))).isEqualTo(Errno.ENOENT);
            assertThat(call(iommufd, alloc, none.flags(1))).isEqualTo(Errno.EOPNOTSUPP);
            try (Viommu viommu = parent.viommu(device.devId(), TEGRA)) {
              devices(iommufd, viommu, device);
              events(iommufd, viommu);
              queues(kernel, iommufd, ioas, viommu);
            }
          }
        });
  }

  private static void devices(Iommufd iommufd, Viommu viommu, BoundDevice device) {
    int request = IommufdUapi.IOMMU_VDEVICE_ALLOC;
    IommuVdeviceAlloc alloc = new IommuVdeviceAlloc().devId(device.devId().value()).virtId(1);
    assertThat(call(iommufd, request, alloc.viommuId(NONE))).isEqualTo(Errno.ENOENT);
    assertThat(call(iommufd, request, alloc.viommuId(viommu.id()).devId(NONE)))
        .isEqualTo(Errno.ENOENT);
    try (Vdevice known = viommu.vdevice(device.devId(), 1)) {
      assertThat(known.virtualId()).isEqualTo(1);
      Refused.with(Errno.EEXIST, () -> viommu.vdevice(device.devId(), 2));
    }
    Refused.with(Errno.ENOENT, () -> viommu.vdevice(new DevId(viommu.id()), 2));
  }

  private static void events(Iommufd iommufd, Viommu viommu) {
    int request = IommufdUapi.IOMMU_VEVENTQ_ALLOC;
    IommuVeventqAlloc alloc = new IommuVeventqAlloc().viommuId(viommu.id()).veventqDepth(1);
    assertThat(call(iommufd, request, alloc)).as("the default").isEqualTo(Errno.EOPNOTSUPP);
    alloc.type(IommufdUapi.IOMMU_VEVENTQ_TYPE_ARM_SMMUV3);
    assertThat(call(iommufd, request, alloc.flags(1))).isEqualTo(Errno.EOPNOTSUPP);
    assertThat(call(iommufd, request, alloc.flags(0).viommuId(NONE))).isEqualTo(Errno.ENOENT);
  }

  private static void queues(FakeKernel kernel, Iommufd iommufd, Ioas ioas, Viommu viommu) {
    int request = IommufdUapi.IOMMU_HW_QUEUE_ALLOC;
    IommuHwQueueAlloc alloc =
        new IommuHwQueueAlloc().viommuId(viommu.id()).nestingParentIova(-PAGE).length(2 * PAGE);
    assertThat(call(iommufd, request, alloc)).as("the default").isEqualTo(Errno.EOPNOTSUPP);
    alloc.type(IommufdUapi.IOMMU_HW_QUEUE_TYPE_TEGRA241_CMDQV);
    assertThat(call(iommufd, request, alloc)).isEqualTo(Errno.EOVERFLOW);
    alloc.nestingParentIova(IOVA).length(PAGE);
    assertThat(call(iommufd, request, alloc.viommuId(NONE))).isEqualTo(Errno.ENOENT);
    // Its memory is pinned for reading, whatever the queue writes.
    MappedMemory memory = pages(kernel, 1, Linux.PROT_READ);
    ioas.map(memory.address(), PAGE, IOVA, DmaAccess.READ);
    assertThat(kernel.ioctl(iommufd.fd(), request, alloc.viommuId(viommu.id()))).isZero();
    iommufd.destroy(alloc.outHwQueueId());
    ioas.unmap(IOVA, PAGE);
    MappedMemory writable = pages(kernel, 2, Linux.PROT_READ | Linux.PROT_WRITE);
    ioas.map(writable.address(), PAGE, IOVA, DmaAccess.READ_WRITE);
    ioas.map(writable.address(), PAGE, IOVA + PAGE, DmaAccess.READ_WRITE);
    assertThat(call(iommufd, request, alloc.length(2 * PAGE))).isEqualTo(Errno.EFAULT);
    assertThat(call(iommufd, request, alloc.length(PAGE).index(7))).isEqualTo(Errno.EINVAL);
    ioas.unmap(IOVA, 2 * PAGE);
  }

  /** A driver without an IOMMU of its own has none. */
  @Test
  void pasidsOfAMediatedDevice() {
    on(
        KernelVersion.LINUX_6_15,
        (kernel, iommufd, ioas, device) -> {
          String types = "/sys/devices/" + MttyDriver.PARENT + "/mdev_supported_types/";
          byte[] uuid = UUID.getBytes(StandardCharsets.US_ASCII);
          assertThat(kernel.writeFile(types + "mtty-1/create", uuid)).isPositive();
          VfioCdev node = VfioCdev.find(SysfsDevice.at(kernel, "/sys/bus/mdev/devices/" + UUID));
          try (BoundDevice mtty = node.open().bind(iommufd, DeviceCookie.of(2))) {
            Refused.with(Errno.EOPNOTSUPP, () -> mtty.attachPasid(1, ioas));
            VfioDeviceDetachIommufdPt detach =
                new VfioDeviceDetachIommufdPt()
                    .flags(VfioCdevUapi.VFIO_DEVICE_DETACH_PASID)
                    .pasid(1);
            assertThat(kernel.ioctl(mtty.fd(), VfioCdevUapi.VFIO_DEVICE_DETACH_IOMMUFD_PT, detach))
                .isEqualTo(Errno.EOPNOTSUPP.result());
          }
        });
  }

  /** Since 6.17 what is behind the struct must be 0. */
  @Test
  void bindingWithAnUnknownTail() {
    on(
        KernelVersion.LINUX_6_17,
        (kernel, iommufd, ioas, device) -> {
          NativeBlock bind = new NativeBlock(VfioDeviceBindIommufd.SIZEOF + 8);
          bind.putInt(VfioDeviceBindIommufd.ARGSZ, bind.capacity());
          bind.putInt(VfioDeviceBindIommufd.IOMMUFD, iommufd.fd());
          bind.putInt(VfioDeviceBindIommufd.SIZEOF, 1);
          assertThat(kernel.ioctl(device.fd(), VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD, bind))
              .isEqualTo(Errno.E2BIG.result());
        });
  }

  /** Which a model sees that attaches, as another thread would, while it is reset. */
  @Test
  void attachingDuringAReset() {
    Errno[] refused = new Errno[1];
    Runnable[] meanwhile = {() -> {}};
    FakeKernel kernel =
        FakeKernel.of(
            KernelVersion.NEWEST,
            machine ->
                machine
                    .device(
                        ADDRESS.toString(),
                        new Busmaster() {
                          @Override
                          public void reset() {
                            meanwhile[0].run();
                          }
                        })
                    .inGroup(1)
                    .boundTo("vfio-pci"));
    try (Iommufd iommufd = Iommufd.open(kernel);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice device =
            VfioCdev.find(kernel, ADDRESS).open().bind(iommufd, DeviceCookie.of(1))) {
      VfioDeviceAttachIommufdPt attach = new VfioDeviceAttachIommufdPt().ptId(ioas.id().value());
      meanwhile[0] =
          () ->
              refused[0] =
                  Errno.ofResult(
                      kernel.ioctl(
                          device.fd(), VfioCdevUapi.VFIO_DEVICE_ATTACH_IOMMUFD_PT, attach));
      device.reset();
      meanwhile[0] = () -> {};
      assertThat(refused[0]).isEqualTo(Errno.EBUSY);
      device.attach(ioas);
    }
  }
}
