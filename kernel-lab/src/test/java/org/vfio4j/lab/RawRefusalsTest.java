// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.cdev.uapi.VfioCdevUapi;
import org.vfio4j.cdev.uapi.VfioDeviceAttachIommufdPt;
import org.vfio4j.cdev.uapi.VfioDeviceBindIommufd;
import org.vfio4j.cdev.uapi.VfioDeviceDetachIommufdPt;
import org.vfio4j.device.Interrupts;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.VfioPci;
import org.vfio4j.device.uapi.VfioDeviceInfo;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.device.uapi.VfioIrqSet;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.group.IommuType;
import org.vfio4j.group.Type1Iommu;
import org.vfio4j.group.VfioContainer;
import org.vfio4j.group.VfioGroup;
import org.vfio4j.group.uapi.VfioGroupStatus;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1DmaMap;
import org.vfio4j.group.uapi.VfioIommuType1DmaUnmap;
import org.vfio4j.group.uapi.VfioIommuType1Info;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.EventFd;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PciDriver;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;

/** Refusals that the library's own classes do not let a program run into. */
class RawRefusalsTest {
  private static final long NOWHERE = 16;
  private static final int CLOSED_FD = 1_000;

  @Test
  @Tag("lab")
  @Tag("lab-group")
  void whatIsNoContainer() {
    try (VfioGroup group = VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.EDU));
        EventFd other = EventFd.create(Lab.KERNEL, "other")) {
      int request = VfioGroupUapi.VFIO_GROUP_SET_CONTAINER;
      assertRefused(Errno.EFAULT, Lab.KERNEL.ioctl(group.fd(), request, NOWHERE));
      assertRefused(Errno.EBADF, Lab.KERNEL.ioctl(group.fd(), request, number(CLOSED_FD)));
      // Before there were iommufds the answer was another one.
      assertRefused(
          Lab.OLD_KERNEL ? Errno.EINVAL : Errno.EBADFD,
          Lab.KERNEL.ioctl(group.fd(), request, number(other.fd())));
      assertRefused(
          Errno.EINVAL, Lab.KERNEL.ioctl(group.fd(), VfioGroupUapi.VFIO_GROUP_UNSET_CONTAINER, 0));
      assertRefused(Errno.ENOTTY, Lab.KERNEL.ioctl(group.fd(), 0x3BFF, 0));
    }
  }

  @Test
  @Tag("lab")
  @Tag("lab-group")
  void aGroupStaysWhileItsDevicesAreOpen() {
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup group = VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.EDU)).join(container);
        Type1Iommu iommu = container.setIommu(IommuType.TYPE1_V2);
        VfioDevice edu = group.device(Lab.EDU)) {
      assertRefused(
          Errno.EBUSY, Lab.KERNEL.ioctl(group.fd(), VfioGroupUapi.VFIO_GROUP_UNSET_CONTAINER, 0));
      assertThat(edu.info().numRegions()).isPositive();
      assertThat(iommu.isClosed()).isFalse();
    }
  }

  @Test
  @Tag("lab")
  void anIommufdWithoutAnAddressSpaceForContainers() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL)) {
      int fd = iommufd.fd();
      assertRefused(
          Errno.ENODEV,
          Lab.KERNEL.ioctl(
              fd, VfioGroupUapi.VFIO_CHECK_EXTENSION, VfioGroupUapi.VFIO_DMA_CC_IOMMU));
      assertRefused(
          Errno.ENODEV,
          Lab.KERNEL.ioctl(fd, VfioGroupUapi.VFIO_SET_IOMMU, VfioGroupUapi.VFIO_TYPE1_IOMMU));
      assertRefused(
          Errno.EINVAL,
          Lab.KERNEL.ioctl(fd, VfioGroupUapi.VFIO_SET_IOMMU, VfioGroupUapi.VFIO_UNMAP_ALL));
      assertRefused(
          Errno.ENODEV,
          Lab.KERNEL.ioctl(fd, VfioGroupUapi.VFIO_IOMMU_GET_INFO, new VfioIommuType1Info(0)));
      assertRefused(
          Errno.ENODEV,
          Lab.KERNEL.ioctl(
              fd, VfioGroupUapi.VFIO_IOMMU_MAP_DMA, new VfioIommuType1DmaMap().flags(1)));
      assertRefused(
          Errno.ENODEV,
          Lab.KERNEL.ioctl(fd, VfioGroupUapi.VFIO_IOMMU_UNMAP_DMA, new VfioIommuType1DmaUnmap()));
    }
  }

  @Test
  @Tag("lab-noiommu")
  void aContainerWithoutAnIommuMapsNothing() {
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup group = VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.EDU)).join(container)) {
      container.setNoIommu();
      int fd = container.fd();
      assertRefused(
          Errno.ENOTTY,
          Lab.KERNEL.ioctl(fd, VfioGroupUapi.VFIO_IOMMU_GET_INFO, new VfioIommuType1Info(0)));
      assertRefused(
          Errno.ENOTTY,
          Lab.KERNEL.ioctl(fd, VfioGroupUapi.VFIO_IOMMU_MAP_DMA, new VfioIommuType1DmaMap()));
      assertRefused(
          Errno.ENOTTY,
          Lab.KERNEL.ioctl(fd, VfioGroupUapi.VFIO_IOMMU_UNMAP_DMA, new VfioIommuType1DmaUnmap()));
      assertThat(group.isClosed()).isFalse();
    }
  }

  @Test
  @Tag("lab")
  void whatIsNoIommufd() {
    int fd = Lab.KERNEL.open(VfioCdev.find(Lab.KERNEL, Lab.EDU).node(), Linux.O_RDWR);
    try (EventFd other = EventFd.create(Lab.KERNEL, "other")) {
      assertRefused(Errno.EBADF, bind(fd, CLOSED_FD));
      assertRefused(Errno.EBADFD, bind(fd, other.fd()));
      assertRefused(Errno.EINVAL, bind(fd, -1));
    } finally {
      Lab.KERNEL.close(fd);
    }
  }

  /** What cannot be told is undone. */
  @Test
  @Tag("lab")
  void answersThatCannotBeWritten() {
    MappedMemory memory = Memory.pages(1);
    int fd = Lab.KERNEL.open(VfioCdev.find(Lab.KERNEL, Lab.EDU).node(), Linux.O_RDWR);
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas()) {
      ioas.map(memory.address(), Memory.PAGE, 0x10_0000, DmaAccess.READ_WRITE);
      long before = ProcessState.now().pinned();
      VfioDeviceBindIommufd bind = new VfioDeviceBindIommufd().iommufd(iommufd.fd());
      int request = VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD;
      assertRefused(Errno.EFAULT, Lab.KERNEL.ioctl(fd, request, Memory.readOnly(bind)));
      VfioDeviceInfo info = new VfioDeviceInfo(0);
      int any = VfioDeviceUapi.VFIO_DEVICE_GET_INFO;
      assertRefused(Errno.EINVAL, Lab.KERNEL.ioctl(fd, any, info));
      assertThat(bind(fd, iommufd.fd())).isZero();
      assertThat(Lab.KERNEL.ioctl(fd, any, info)).isZero();
      VfioDeviceAttachIommufdPt attach = new VfioDeviceAttachIommufdPt().ptId(ioas.id().value());
      request = VfioCdevUapi.VFIO_DEVICE_ATTACH_IOMMUFD_PT;
      assertRefused(Errno.EFAULT, Lab.KERNEL.ioctl(fd, request, Memory.readOnly(attach)));
      assertThat(ProcessState.now().pinned()).isEqualTo(before);
      assertThat(Lab.KERNEL.ioctl(fd, request, attach)).isZero();
      assertThat(ProcessState.now().pinned()).isEqualTo(before + Memory.PAGE);
      // As a replacement, too.
      attach.ptId(ioas.id().value());
      assertRefused(Errno.EFAULT, Lab.KERNEL.ioctl(fd, request, Memory.readOnly(attach)));
      assertThat(ProcessState.now().pinned()).isEqualTo(before);
    } finally {
      Lab.KERNEL.close(fd);
      Lab.KERNEL.munmap(memory);
    }
  }

  @Test
  @Tag("lab")
  void aDeviceOfAGroupIsNotAttachedByItself() {
    try (AssignedDevice edu = Lab.openEdu(VfioMode.VFIO_TYPE1V2_IOMMU)) {
      int fd = edu.device().fd();
      assertRefused(Errno.EINVAL, bind(fd, CLOSED_FD));
      assertRefused(
          Errno.ENOTTY,
          Lab.KERNEL.ioctl(
              fd, VfioCdevUapi.VFIO_DEVICE_ATTACH_IOMMUFD_PT, new VfioDeviceAttachIommufdPt()));
      assertRefused(
          Errno.ENOTTY,
          Lab.KERNEL.ioctl(
              fd, VfioCdevUapi.VFIO_DEVICE_DETACH_IOMMUFD_PT, new VfioDeviceDetachIommufdPt()));
    }
  }

  @Test
  @Tag("lab")
  void interruptsAsTheyAreNot() {
    try (AssignedDevice edu = Lab.openEdu(VfioMode.IOMMUFD);
        EventFd event = EventFd.create(Lab.KERNEL, "other")) {
      int fd = edu.device().fd();
      int msi = VfioDeviceUapi.VFIO_PCI_MSI_IRQ_INDEX;
      int trigger =
          VfioDeviceUapi.VFIO_IRQ_SET_DATA_EVENTFD | VfioDeviceUapi.VFIO_IRQ_SET_ACTION_TRIGGER;
      int mask = VfioDeviceUapi.VFIO_IRQ_SET_DATA_NONE | VfioDeviceUapi.VFIO_IRQ_SET_ACTION_MASK;
      assertRefused(Errno.EBADF, setIrqs(fd, msi, trigger, CLOSED_FD));
      assertThat(setIrqs(fd, msi, trigger, event.fd())).isZero();
      assertRefused(Errno.ENOTTY, setIrqs(fd, msi, mask, 0));
    }
  }

  @Test
  @Tag("lab")
  @Tag("lab-group")
  void interruptsAreRaisedOneByOne() {
    try (AssignedDevice edu = Lab.openEdu(VfioMode.VFIO_TYPE1V2_IOMMU);
        Interrupts msi = edu.device().interrupts(VfioPci.MSI).enable(1)) {
      int trigger =
          VfioDeviceUapi.VFIO_IRQ_SET_DATA_BOOL | VfioDeviceUapi.VFIO_IRQ_SET_ACTION_TRIGGER;
      assertThat(setIrqs(edu.device().fd(), VfioDeviceUapi.VFIO_PCI_MSI_IRQ_INDEX, trigger, 0))
          .isZero();
      assertThat(msi.take(0)).isZero();
      assertThat(setIrqs(edu.device().fd(), VfioDeviceUapi.VFIO_PCI_MSI_IRQ_INDEX, trigger, 1))
          .isZero();
      assertThat(msi.take(0)).isEqualTo(1);
    }
  }

  /** Whoever has a group open whose last device goes has a file of nothing. */
  @Test
  @Tag("lab")
  @Tag("lab-group")
  void aGroupWithoutDevices() {
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup group = VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.EDU))) {
      PciDriver.unbind(Lab.KERNEL, Lab.EDU);
      assertRefused(
          Errno.ENODEV,
          Lab.KERNEL.ioctl(group.fd(), VfioGroupUapi.VFIO_GROUP_GET_STATUS, new VfioGroupStatus()));
      assertRefused(
          Errno.ENODEV,
          Lab.KERNEL.ioctl(
              group.fd(), VfioGroupUapi.VFIO_GROUP_SET_CONTAINER, number(container.fd())));
    } finally {
      PciDriver.bind(Lab.KERNEL, Lab.EDU, PciDriver.VFIO_PCI);
    }
  }

  /** Its neighbours are in the hands of the host. */
  @Test
  @Tag("lab")
  @Tag("lab-group")
  void aGroupThatIsNotViable() {
    PciDriver.bind(Lab.KERNEL, Lab.SATA, PciDriver.VFIO_PCI);
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup group = VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.SATA))) {
      assertRefused(
          Errno.EPERM,
          Lab.KERNEL.ioctl(
              group.fd(), VfioGroupUapi.VFIO_GROUP_SET_CONTAINER, number(container.fd())));
    } finally {
      PciDriver.restore(Lab.KERNEL, Lab.SATA);
    }
  }

  /** While memory is exchanged under its mappings a container takes nobody in. */
  @Test
  @Tag("lab")
  @Tag("lab-group")
  void aContainerWhoseAddressesAreInvalid() {
    MappedMemory memory = Memory.pages(1);
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup first = VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.EDU)).join(container);
        Type1Iommu iommu = container.setIommu(IommuType.TYPE1_V2);
        VfioGroup second = VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.NVME))) {
      iommu.map(memory.address(), Memory.PAGE, 0x10_0000, DmaAccess.READ_WRITE);
      iommu.invalidateAddresses(0x10_0000, Memory.PAGE);
      int join = VfioGroupUapi.VFIO_GROUP_SET_CONTAINER;
      assertRefused(Errno.EBUSY, Lab.KERNEL.ioctl(second.fd(), join, number(container.fd())));
      iommu.updateAddress(memory.address(), Memory.PAGE, 0x10_0000);
      assertThat(Lab.KERNEL.ioctl(second.fd(), join, number(container.fd()))).isZero();
      assertThat(first.isClosed()).isFalse();
    } finally {
      Lab.KERNEL.munmap(memory);
    }
  }

  /** Mediated devices have the memory of a process by its address. */
  @Test
  @Tag("lab")
  void addressesOfAMediatedDeviceStay() {
    try (Mtty mtty = new Mtty(VfioMode.VFIO_TYPE1V2_IOMMU, 1)) {
      Type1Iommu iommu = (Type1Iommu) mtty.dma();
      Refusal.of(
          Reason.IN_USE, Errno.EBUSY, () -> iommu.invalidateAddresses(0x10_0000, Memory.PAGE));
    }
  }

  /** Before there were device nodes nobody was bound. */
  @Test
  @Tag("lab-old")
  void bindingIsUnknown() {
    try (AssignedDevice edu = Lab.openEdu(VfioMode.VFIO_TYPE1V2_IOMMU)) {
      assertRefused(Errno.ENOTTY, bind(edu.device().fd(), 0));
    }
  }

  private static int setIrqs(int fd, int index, int flags, int data) {
    VfioIrqSet set = new VfioIrqSet(Integer.BYTES);
    set.index(index).flags(flags).start(0).count(1);
    set.putInt(VfioIrqSet.SIZEOF, data);
    return Lab.KERNEL.ioctl(fd, VfioDeviceUapi.VFIO_DEVICE_SET_IRQS, set);
  }

  private static int bind(int fd, int iommufd) {
    return Lab.KERNEL.ioctl(
        fd, VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD, new VfioDeviceBindIommufd().iommufd(iommufd));
  }

  private static NativeBlock number(int value) {
    NativeBlock block = new NativeBlock(Integer.BYTES);
    block.putInt(0, value);
    return block;
  }

  private static void assertRefused(Errno errno, int result) {
    assertThat(result).as("result, for %s", errno).isEqualTo(errno.result());
  }
}
