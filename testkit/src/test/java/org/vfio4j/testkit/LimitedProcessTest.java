// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.group.IommuType;
import org.vfio4j.group.VfioContainer;
import org.vfio4j.group.VfioGroup;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.iommufd.uapi.IommuFaultAlloc;
import org.vfio4j.iommufd.uapi.IommuOption;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.SysfsDevice;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;
import org.vfio4j.testkit.device.EduModel;
import org.vfio4j.testkit.machine.KernelVersion;
import org.vfio4j.testkit.machine.Machine;
import org.vfio4j.testkit.machine.Machine.Capability;

/** A process without a right, or at a limit, is refused as the real kernel refuses it. */
class LimitedProcessTest {
  private static final PciAddress EDU = PciAddress.of("0000:00:05.0");
  private static final long MIB = 1 << 20;

  /** Of the last kernel that was made. */
  private Machine machine;

  private FakeKernel kernel(KernelVersion version, Consumer<Machine> limits) {
    return FakeKernel.of(
        version,
        made -> {
          machine = made;
          limits.accept(made);
          made.device(EDU.toString(), new EduModel()).inGroup(1).boundTo("vfio-pci");
        });
  }

  private static void assertRefused(Errno errno, int result) {
    assertThat(result).as("result, for %s", errno).isEqualTo(errno.result());
  }

  private static MappedMemory memory(FakeKernel kernel, long bytes) {
    int protection = Linux.PROT_READ | Linux.PROT_WRITE;
    return kernel.mmap(-1, 0, bytes, protection, Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS).value();
  }

  /** What was mapped before there was a page table counts when there is one. */
  @Test
  void lockedMemory() {
    FakeKernel kernel =
        kernel(
            KernelVersion.LINUX_6_13,
            limits -> limits.memlock(MIB).without(Capability.CAP_IPC_LOCK));
    MappedMemory memory = memory(kernel, 2 * MIB);
    int file = kernel.memoryFile(2 * MIB);
    try (Iommufd iommufd = Iommufd.open(kernel);
        Ioas lazy = iommufd.allocateIoas();
        Ioas eager = iommufd.allocateIoas();
        BoundDevice edu = VfioCdev.find(kernel, EDU).open().bind(iommufd, DeviceCookie.of(1))) {
      lazy.map(memory.address(), 2 * MIB, MIB, DmaAccess.READ);
      Refused.with(Errno.ENOMEM, () -> lazy.hwpt(edu.devId()).allocate());
      Refused.with(Errno.ENOMEM, () -> edu.attach(lazy));
      edu.attach(eager);
      Refused.with(Errno.ENOMEM, () -> eager.map(memory.address(), 2 * MIB, MIB, DmaAccess.READ));
      Refused.with(Errno.ENOMEM, () -> eager.mapFile(file, 0, 2 * MIB, MIB, DmaAccess.READ));
      eager.mapFile(file, 0, MIB, MIB, DmaAccess.READ);
    }
  }

  @Test
  void howMemoryIsCounted() {
    FakeKernel kernel =
        kernel(KernelVersion.LINUX_6_12, limits -> limits.without(Capability.CAP_SYS_RESOURCE));
    try (Iommufd iommufd = Iommufd.open(kernel)) {
      IommuOption option =
          new IommuOption()
              .optionId(IommufdUapi.IOMMU_OPTION_RLIMIT_MODE)
              .op((short) IommufdUapi.IOMMU_OPTION_OP_SET)
              .val64(1);
      assertRefused(Errno.EPERM, kernel.ioctl(iommufd.fd(), IommufdUapi.IOMMU_OPTION, option));
    }
  }

  @Test
  void descriptors() {
    FakeKernel kernel = kernel(KernelVersion.LINUX_6_12, limits -> limits.openFiles(6));
    try (VfioContainer container = VfioContainer.open(kernel);
        VfioGroup group = VfioGroup.of(kernel, SysfsDevice.pci(kernel, EDU)).join(container);
        Iommufd iommufd = Iommufd.open(kernel)) {
      container.setIommu(IommuType.TYPE1_V2).close();
      int last = kernel.open("/dev/null", Linux.O_RDWR);
      while (last >= 0) {
        last = kernel.open("/dev/null", Linux.O_RDWR);
      }
      assertRefused(Errno.EMFILE, last);
      assertRefused(Errno.EMFILE, kernel.open("/dev/nothing", Linux.O_RDWR));
      assertRefused(Errno.EMFILE, faultQueue(kernel, iommufd));
      assertRefused(
          Errno.EMFILE,
          kernel.ioctl(group.fd(), VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD, name(EDU.toString())));
      // Nothing of it is left in the context.
      try (Ioas first = iommufd.allocateIoas()) {
        assertThat(first.id().value()).isEqualTo(1);
      }
    }
  }

  @Test
  void filesOfTheSystem() {
    FakeKernel kernel =
        kernel(
            KernelVersion.LINUX_6_12,
            limits -> limits.systemFiles(4).without(Capability.CAP_SYS_ADMIN));
    try (Iommufd iommufd = Iommufd.open(kernel)) {
      assertRefused(Errno.ENFILE, faultQueue(kernel, iommufd));
      assertRefused(Errno.ENFILE, kernel.open("/dev/nothing", Linux.O_RDWR));
      // Another number is no other file.
      assertThat(kernel.dup(iommufd.fd())).isEqualTo(iommufd.fd() + 1);
    }
  }

  /** A number is reserved before the device is opened, which a group that is in nothing cannot. */
  @Test
  void aDescriptorBeforeADevice() {
    FakeKernel kernel = kernel(KernelVersion.LINUX_6_12, limits -> limits.openFiles(4));
    int group = kernel.open("/dev/vfio/1", Linux.O_RDWR);
    NativeBlock name = name(EDU.toString());
    int request = VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD;
    assertRefused(Errno.EMFILE, kernel.ioctl(group, request, name));
    assertRefused(Errno.ENODEV, kernel.ioctl(group, request, name("0000:00:06.0")));
  }

  private static int faultQueue(FakeKernel kernel, Iommufd iommufd) {
    return kernel.ioctl(iommufd.fd(), IommufdUapi.IOMMU_FAULT_QUEUE_ALLOC, new IommuFaultAlloc());
  }

  /** Asked at every step, of a process that had the right before. */
  @Test
  void withoutAnIommu() {
    for (int step = 0; step < 3; step++) {
      FakeKernel fresh =
          FakeKernel.of(
              KernelVersion.LINUX_6_12,
              made -> {
                machine = made;
                made.noIommuMode().device(EDU.toString(), new EduModel()).boundTo("vfio-pci");
              });
      assertRefused(Errno.EPERM, refusedAt(fresh, step));
    }
  }

  /** SET_CONTAINER, SET_IOMMU and GET_DEVICE_FD, of which the right is lost before the last one. */
  private int refusedAt(FakeKernel kernel, int step) {
    int container = kernel.open("/dev/vfio/vfio", Linux.O_RDWR);
    int group = kernel.open("/dev/vfio/noiommu-0", Linux.O_RDWR);
    NativeBlock number = new NativeBlock(Integer.BYTES);
    number.putInt(0, container);
    int result = 0;
    for (int i = 0; i <= step; i++) {
      if (i == step) {
        machine.without(Capability.CAP_SYS_RAWIO);
      }
      result =
          switch (i) {
            case 0 -> kernel.ioctl(group, VfioGroupUapi.VFIO_GROUP_SET_CONTAINER, number);
            case 1 ->
                kernel.ioctl(
                    container, VfioGroupUapi.VFIO_SET_IOMMU, VfioGroupUapi.VFIO_NOIOMMU_IOMMU);
            default ->
                kernel.ioctl(group, VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD, name(EDU.toString()));
          };
      assertThat(i < step ? result : 0).isZero();
    }
    return result;
  }

  private static NativeBlock name(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    NativeBlock block = new NativeBlock(bytes.length + 1);
    block.put(0, bytes);
    return block;
  }
}
