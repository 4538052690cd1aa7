// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.lab.Memory.PAGE;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.group.IommuType;
import org.vfio4j.group.Type1Iommu;
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
import org.vfio4j.mdev.Mdev;
import org.vfio4j.mdev.MdevBus;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;

/** What the kernel answers who lacks a right, or has used up what it may have. */
@RealKernelOnly("the fake kernel's process has the rights that its machine gives it, for good")
class RightsTest {
  private static final int PAGES = 512;
  private static final long LOCKED = 1 << 20;

  private static void assertRefused(Errno errno, int result) {
    assertThat(result).as("result, for %s", errno).isEqualTo(errno.result());
  }

  private static BoundDevice bindEdu(Iommufd iommufd) {
    return VfioCdev.find(Lab.KERNEL, Lab.EDU).open().bind(iommufd, DeviceCookie.of(1));
  }

  /** Memory counts when it is pinned, which is when there is a page table. */
  @Test
  @Tag("lab")
  void lockedMemoryOfAnIommufd() {
    MappedMemory memory = Memory.pages(PAGES);
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas lazy = iommufd.allocateIoas();
        Ioas eager = iommufd.allocateIoas();
        BoundDevice edu = bindEdu(iommufd)) {
      Rights.withLockedMemory(
          LOCKED,
          () -> {
            lazy.map(memory.address(), PAGES * PAGE, LOCKED, DmaAccess.READ_WRITE);
            Refusal.of(Reason.LIMIT, Errno.ENOMEM, () -> lazy.hwpt(edu.devId()).allocate());
            Refusal.of(Reason.LIMIT, Errno.ENOMEM, () -> edu.attach(lazy));
            edu.attach(eager);
            return Refusal.of(
                Reason.LIMIT,
                Errno.ENOMEM,
                () -> eager.map(memory.address(), PAGES * PAGE, LOCKED, DmaAccess.READ_WRITE));
          });
      eager.map(memory.address(), PAGES * PAGE, LOCKED, DmaAccess.READ_WRITE);
    } finally {
      Lab.KERNEL.munmap(memory);
    }
  }

  @Test
  @Tag("lab")
  @Tag("lab-group")
  void lockedMemoryOfAContainer() {
    MappedMemory memory = Memory.pages(PAGES);
    try (AssignedDevice edu = Lab.openEdu(VfioMode.VFIO_TYPE1V2_IOMMU)) {
      Rights.withLockedMemory(
          LOCKED,
          () ->
              Refusal.of(
                  Reason.LIMIT,
                  Errno.ENOMEM,
                  () ->
                      edu.dma().map(memory.address(), PAGES * PAGE, LOCKED, DmaAccess.READ_WRITE)));
      edu.dma().map(memory.address(), PAGES * PAGE, LOCKED, DmaAccess.READ_WRITE);
    } finally {
      Lab.KERNEL.munmap(memory);
    }
  }

  /** What lies before a hole was pinned and counted when the kernel comes to it. */
  @Test
  @Tag("lab")
  @Tag("lab-group")
  void theLimitIsReachedBeforeAHole() {
    long end = Memory.end(2 * PAGES);
    try (RawContainer raw = new RawContainer(VfioMode.VFIO_TYPE1V2_IOMMU).ready()) {
      Supplier<List<String>> calls =
          () ->
              List.of(
                  raw.map(end - PAGES * PAGE, 0, (PAGES + 1) * PAGE),
                  raw.map(end - 16 * PAGE, 0, 17 * PAGE));
      assertThat(Rights.withLockedMemory(LOCKED, calls)).containsExactly("ENOMEM", "EFAULT");
      assertThat(calls.get()).containsExactly("EFAULT", "EFAULT");
    }
  }

  /** In the order of the IOVAs: the limit is reached before what the IOMMU does not reach. */
  @Test
  @Tag("lab")
  @Tag("mdev")
  void hardwareThatJoinsIsRefusedByTheFirstMapping() {
    MappedMemory memory = Memory.pages(PAGES);
    Mdev mdev = MdevBus.of(Lab.KERNEL).parent("mtty").type("mtty-1").create();
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup mediated = VfioGroup.of(Lab.KERNEL, mdev.sysfs()).join(container);
        Type1Iommu iommu = container.setIommu(IommuType.TYPE1_V2);
        VfioGroup edu = VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.EDU))) {
      NativeBlock file = new NativeBlock(Integer.BYTES);
      file.putInt(0, container.fd());
      int join = VfioGroupUapi.VFIO_GROUP_SET_CONTAINER;
      int refused =
          Rights.withLockedMemory(
              LOCKED,
              () -> {
                iommu.map(memory.address(), PAGES * PAGE, 0, DmaAccess.READ_WRITE);
                iommu.map(memory.address(), PAGE, 1L << 60, DmaAccess.READ_WRITE);
                return Lab.KERNEL.ioctl(edu.fd(), join, file);
              });
      assertRefused(Errno.ENOMEM, refused);
      iommu.unmapAll();
      iommu.map(memory.address(), PAGE, 1L << 60, DmaAccess.READ_WRITE);
      assertRefused(Errno.EFAULT, Lab.KERNEL.ioctl(edu.fd(), join, file));
      assertThat(mediated.isClosed()).isFalse();
    } finally {
      mdev.remove();
      Lab.KERNEL.munmap(memory);
    }
  }

  @Test
  @Tag("lab")
  void howMemoryIsCounted() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL)) {
      IommuOption set =
          new IommuOption()
              .optionId(IommufdUapi.IOMMU_OPTION_RLIMIT_MODE)
              .op((short) IommufdUapi.IOMMU_OPTION_OP_SET)
              .val64(1);
      assertRefused(
          Errno.EPERM,
          Rights.CAP_SYS_RESOURCE.without(
              () -> Lab.KERNEL.ioctl(iommufd.fd(), IommufdUapi.IOMMU_OPTION, set)));
      assertThat(Lab.KERNEL.ioctl(iommufd.fd(), IommufdUapi.IOMMU_OPTION, set)).isZero();
    }
  }

  @Test
  @Tag("lab")
  void noDescriptorIsLeft() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup group = VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.EDU)).join(container)) {
      container.setIommu(IommuType.TYPE1_V2).close();
      IommuFaultAlloc queue = new IommuFaultAlloc();
      NativeBlock name = name(Lab.EDU.toString());
      int[] refused =
          Rights.withoutDescriptors(
              () ->
                  new int[] {
                    Lab.KERNEL.ioctl(iommufd.fd(), IommufdUapi.IOMMU_FAULT_QUEUE_ALLOC, queue),
                    Lab.KERNEL.ioctl(group.fd(), VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD, name),
                    Lab.KERNEL.open("/dev/vfio/nothing", Linux.O_RDWR)
                  });
      assertRefused(Errno.EMFILE, refused[0]);
      assertRefused(Errno.EMFILE, refused[1]);
      assertRefused(Errno.EMFILE, refused[2]);
      // Nothing is left of it.
      try (Ioas first = iommufd.allocateIoas()) {
        assertThat(first.id().value()).isEqualTo(1);
      }
      group.device(Lab.EDU).close();
    }
  }

  /** The limit of the whole system, which binds whoever is not its administrator. */
  @Test
  @Tag("lab")
  void theSystemHasNoFileLeft() {
    String limit = "/proc/sys/fs/file-max";
    byte[] before = Lab.KERNEL.readFile(limit).value();
    int file = Lab.KERNEL.open(limit, Linux.O_RDWR);
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL)) {
      NativeBlock one = name("1\n");
      NativeBlock many = new NativeBlock(before.length);
      many.put(0, before);
      IommuFaultAlloc queue = new IommuFaultAlloc();
      int fd = iommufd.fd();
      int refused =
          Rights.CAP_SYS_ADMIN.without(
              () -> {
                Lab.KERNEL.pwrite(file, one, 2, 0);
                try {
                  return Lab.KERNEL.ioctl(fd, IommufdUapi.IOMMU_FAULT_QUEUE_ALLOC, queue);
                } finally {
                  Lab.KERNEL.pwrite(file, many, before.length, 0);
                }
              });
      assertThat(Lab.KERNEL.readFile(limit).value()).isEqualTo(before);
      assertRefused(Errno.ENFILE, refused);
      iommufd.allocateFaultQueue().close();
    } finally {
      Lab.KERNEL.close(file);
    }
  }

  /** At every step, not only when the group is opened. */
  @Test
  @Tag("lab-noiommu")
  void withoutAnIommu() {
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup group = VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.EDU))) {
      NativeBlock file = new NativeBlock(Integer.BYTES);
      file.putInt(0, container.fd());
      int join = VfioGroupUapi.VFIO_GROUP_SET_CONTAINER;
      assertRefused(
          Errno.EPERM,
          Rights.CAP_SYS_RAWIO.without(() -> Lab.KERNEL.ioctl(group.fd(), join, file)));
      group.join(container);
      int choose = VfioGroupUapi.VFIO_SET_IOMMU;
      long type = VfioGroupUapi.VFIO_NOIOMMU_IOMMU;
      assertRefused(
          Errno.EPERM,
          Rights.CAP_SYS_RAWIO.without(() -> Lab.KERNEL.ioctl(container.fd(), choose, type)));
      container.setNoIommu();
      NativeBlock name = name(Lab.EDU.toString());
      int get = VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD;
      assertRefused(
          Errno.EPERM, Rights.CAP_SYS_RAWIO.without(() -> Lab.KERNEL.ioctl(group.fd(), get, name)));
      group.device(Lab.EDU).close();
    }
  }

  private static NativeBlock name(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    NativeBlock block = new NativeBlock(bytes.length + 1);
    block.put(0, bytes);
    return block;
  }
}
