// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.lab.Memory.PAGE;

import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.iommufd.uapi.IommuIoasAlloc;
import org.vfio4j.iommufd.uapi.IommuIoasAllowIovas;
import org.vfio4j.iommufd.uapi.IommuIoasCopy;
import org.vfio4j.iommufd.uapi.IommuIoasMap;
import org.vfio4j.iommufd.uapi.IommuIoasUnmap;
import org.vfio4j.iommufd.uapi.IommuIovaRange;
import org.vfio4j.iommufd.uapi.IommuOption;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;

/** Refusals of an iommufd that its typed calls do not run into. */
@Tag("lab")
class IommufdRefusalsTest {
  private static final int NONE = 4711;
  private static final long IOVA = 0x1_0000_0000L;

  private static Errno call(Iommufd iommufd, int request, NativeBlock argument) {
    return Errno.ofResult(Lab.KERNEL.ioctl(iommufd.fd(), request, argument));
  }

  @Test
  void aSpaceHasNoFlags() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL)) {
      assertThat(call(iommufd, IommufdUapi.IOMMU_IOAS_ALLOC, new IommuIoasAlloc().flags(1)))
          .isEqualTo(Errno.EOPNOTSUPP);
    }
  }

  @Test
  void aSpaceWhoseIdCannotBeTold() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL)) {
      int refused =
          Lab.KERNEL.ioctl(
              iommufd.fd(), IommufdUapi.IOMMU_IOAS_ALLOC, Memory.readOnly(new IommuIoasAlloc()));
      assertThat(Errno.ofResult(refused)).isEqualTo(Errno.EFAULT);
      try (Ioas first = iommufd.allocateIoas()) {
        assertThat(first.id().value()).isEqualTo(1);
      }
    }
  }

  @Test
  void whatIsAllowed() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas()) {
      int request = IommufdUapi.IOMMU_IOAS_ALLOW_IOVAS;
      IommuIoasAllowIovas reserved = new IommuIoasAllowIovas().ioasId(NONE);
      reserved.putInt(IommuIoasAllowIovas.RESERVED, 1);
      assertThat(call(iommufd, request, reserved)).isEqualTo(Errno.EOPNOTSUPP);
      assertThat(call(iommufd, request, new IommuIoasAllowIovas().ioasId(NONE)))
          .isEqualTo(Errno.ENOENT);
      IommuIoasAllowIovas nowhere =
          new IommuIoasAllowIovas().ioasId(ioas.id().value()).numIovas(1).allowedIovas(PAGE);
      assertThat(call(iommufd, request, nowhere)).isEqualTo(Errno.EFAULT);
      // One is read, and compared with those before it, after the other.
      NativeBlock two = new NativeBlock(2 * IommuIovaRange.SIZEOF);
      for (int i = 0; i < 2; i++) {
        two.putLong(i * IommuIovaRange.SIZEOF + IommuIovaRange.START, PAGE);
        two.putLong(i * IommuIovaRange.SIZEOF + IommuIovaRange.LAST, (2 + i) * PAGE - 1);
      }
      nowhere.numIovas(3).allowedIovas(Memory.readOnly(two));
      assertThat(call(iommufd, request, nowhere)).as("overlapping").isEqualTo(Errno.EINVAL);
      two.putLong(IommuIovaRange.SIZEOF + IommuIovaRange.START, 2 * PAGE);
      nowhere.allowedIovas(Memory.readOnly(two));
      assertThat(call(iommufd, request, nowhere)).isEqualTo(Errno.EFAULT);
    }
  }

  /** Where the kernel is to choose, and there is no room for a copy. */
  @Test
  void noRoomForACopy() {
    MappedMemory memory = Memory.pages(2);
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas source = iommufd.allocateIoas();
        Ioas target = iommufd.allocateIoas()) {
      source.map(memory.address(), 2 * PAGE, 16 * PAGE, DmaAccess.READ_WRITE);
      target.allowIovas(List.of(new IovaRange(PAGE, 2 * PAGE - 1)));
      IommuIoasCopy copy =
          new IommuIoasCopy()
              .flags(IommufdUapi.IOMMU_IOAS_MAP_READABLE)
              .srcIoasId(source.id().value())
              .dstIoasId(target.id().value())
              .srcIova(16 * PAGE)
              .length(2 * PAGE);
      assertThat(call(iommufd, IommufdUapi.IOMMU_IOAS_COPY, copy)).isEqualTo(Errno.ENOSPC);
      copy.length(PAGE);
      assertThat(Lab.KERNEL.ioctl(iommufd.fd(), IommufdUapi.IOMMU_IOAS_COPY, copy)).isZero();
      assertThat(copy.dstIova()).isEqualTo(PAGE);
    } finally {
      Lab.KERNEL.munmap(memory);
    }
  }

  /**
   * Nothing is pinned without a device, so it may be any address; the place is chosen as like it.
   */
  @Test
  void aPlaceForAnAddressOfTheKernel() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas()) {
      IommuIoasMap map =
          new IommuIoasMap()
              .flags(IommufdUapi.IOMMU_IOAS_MAP_READABLE)
              .ioasId(ioas.id().value())
              .userVa(0xffff_8880_0000_0800L)
              .length(3 * PAGE);
      assertThat(Lab.KERNEL.ioctl(iommufd.fd(), IommufdUapi.IOMMU_IOAS_MAP, map)).isZero();
      assertThat(map.iova()).isEqualTo(PAGE + 0x800);
    }
  }

  @Test
  void optionsOfNoSpace() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL)) {
      IommuOption get =
          new IommuOption()
              .optionId(IommufdUapi.IOMMU_OPTION_HUGE_PAGES)
              .op((short) IommufdUapi.IOMMU_OPTION_OP_GET)
              .objectId(NONE);
      assertThat(call(iommufd, IommufdUapi.IOMMU_OPTION, get)).isEqualTo(Errno.ENOENT);
      assertThat(call(iommufd, IommufdUapi.IOMMU_OPTION, get.optionId(2)))
          .isEqualTo(Errno.EOPNOTSUPP);
    }
  }

  /** A mapping that is not there altogether yet is nobody's to unmap. */
  @Test
  @RealKernelOnly("the fake kernel makes one call at a time")
  void unmappingWhatIsBeingMapped() throws Exception {
    int pages = 1 << 14;
    MappedMemory memory = Memory.pages(pages);
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice edu =
            VfioCdev.find(Lab.KERNEL, Lab.EDU).open().bind(iommufd, DeviceCookie.of(1))) {
      edu.attach(ioas);
      IommuIoasUnmap unmap = new IommuIoasUnmap().ioasId(ioas.id().value());
      Errno refused = null;
      for (int attempt = 0; attempt < 100 && refused != Errno.EBUSY; attempt++) {
        Thread mapper =
            new Thread(() -> ioas.map(memory.address(), pages * PAGE, IOVA, DmaAccess.READ_WRITE));
        mapper.start();
        do {
          int result =
              Lab.KERNEL.ioctl(
                  iommufd.fd(),
                  IommufdUapi.IOMMU_IOAS_UNMAP,
                  unmap.iova(IOVA).length(pages * PAGE));
          refused = result < 0 ? Errno.ofResult(result) : null;
        } while (refused == Errno.ENOENT && mapper.isAlive());
        mapper.join();
        ioas.unmapAll();
      }
      assertThat(refused).isEqualTo(Errno.EBUSY);
    } finally {
      Lab.KERNEL.munmap(memory);
    }
  }
}
