// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.lab.Memory.PAGE;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1Info;
import org.vfio4j.iommufd.DevId;
import org.vfio4j.iommufd.HwInfo;
import org.vfio4j.iommufd.HwptId;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.iommufd.PagingHwpt;
import org.vfio4j.iommufd.uapi.IommuHwInfo;
import org.vfio4j.iommufd.uapi.IommuHwptAlloc;
import org.vfio4j.iommufd.uapi.IommuIoasMap;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;

/** Page tables that the program makes, with the mock devices of iommufd's self-test. */
@Tag("lab-noiommu")
class MockHwptTest {
  private static final long IOVA = MockDevice.APERTURE;

  @Test
  void mockDevicesShareAPageTable() {
    MappedMemory memory = Memory.pages(2);
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas()) {
      ioas.map(memory.address(), 2 * PAGE, IOVA, DmaAccess.READ_WRITE);
      try (MockDevice first = MockDevice.attachedTo(ioas);
          MockDevice second = MockDevice.attachedTo(ioas)) {
        // The one that was made by itself serves both.
        assertThat(second.hwpt()).isEqualTo(first.hwpt());
        assertThat(MockDevice.leads(iommufd, first.hwpt(), IOVA, 2 * PAGE, memory.address()))
            .isTrue();
        assertThat(MockDevice.leads(iommufd, first.hwpt(), IOVA, PAGE, memory.address() + PAGE))
            .isFalse();
        try (PagingHwpt manual = ioas.hwpt(first.devId()).allocate()) {
          // Never one of the program's.
          try (MockDevice third = MockDevice.attachedTo(ioas)) {
            assertThat(third.hwpt()).isEqualTo(first.hwpt());
          }
          assertThat(first.replace(manual.id())).isEqualTo(manual.id().value());
          Refusal.of(Reason.IN_USE, Errno.EBUSY, () -> iommufd.destroy(manual.id().value()));
          assertThat(first.replace(ioas.id())).isEqualTo(second.hwpt().value());
        }
        assertThat(first.replaceRefusal(new HwptId(4711))).isEqualTo(Errno.ENOENT);
        assertThat(first.replaceRefusal(new HwptId(first.devId().value()))).isEqualTo(Errno.EINVAL);
        Refusal.of(Reason.IN_USE, Errno.EBUSY, () -> iommufd.destroy(first.devId().value()));
      }
      assertThat(ioas.iovaAlignment()).isEqualTo(1);
    } finally {
      Lab.KERNEL.munmap(memory);
    }
  }

  /** Smaller ones are as the kernel's for a container. */
  @Test
  void containersSeePagesOfTheKernel() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas()) {
      iommufd.setVfioIoas(ioas.id());
      assertThat(pageSizes(iommufd)).as("without a page table").isEqualTo(-PAGE);
      try (MockDevice device = MockDevice.attachedTo(ioas)) {
        assertThat(device.hwpt()).isNotNull();
        assertThat(pageSizes(iommufd)).isEqualTo(PAGE);
      }
      iommufd.clearVfioIoas();
    }
  }

  private static long pageSizes(Iommufd iommufd) {
    VfioIommuType1Info info = new VfioIommuType1Info(0);
    assertThat(Lab.KERNEL.ioctl(iommufd.fd(), VfioGroupUapi.VFIO_IOMMU_GET_INFO, info)).isZero();
    return info.iovaPgsizes();
  }

  /** The IOMMU of the mock devices translates 2 GiB from 16 MiB on, in pages of 2 KiB. */
  @Test
  void theIommuLimitsTheSpace() {
    MappedMemory memory = Memory.pages(1);
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas()) {
      ioas.map(memory.address(), PAGE, 0x1000, DmaAccess.READ);
      assertThat(MockDevice.refusal(ioas, 0)).isEqualTo(Errno.EADDRINUSE);
      ioas.unmapAll();
      ioas.map(memory.address(), 1024, IOVA, DmaAccess.READ);
      assertThat(MockDevice.refusal(ioas, 0)).isEqualTo(Errno.EADDRINUSE);
      ioas.unmapAll();
      assertThat(MockDevice.refusal(ioas, 1 << 9)).isEqualTo(Errno.EINVAL);
      try (MockDevice device = MockDevice.attachedTo(ioas)) {
        assertThat(ioas.iovaAlignment()).isEqualTo(MockDevice.IO_PAGE);
        assertThat(ioas.allowedIovas().toString()).isEqualTo("[0x1000000-0x7fffffff]");
        ioas.map(memory.address() + 2048, 2048, IOVA, DmaAccess.READ);
        assertThat(MockDevice.leads(iommufd, device.hwpt(), IOVA, 2048, memory.address() + 2048))
            .isTrue();
        Refusal.of(
            Reason.INVALID_ARGUMENT,
            Errno.EINVAL,
            () -> ioas.map(memory.address() + 1024, 2048, 2 * IOVA, DmaAccess.READ));
        MockDevice.reserve(iommufd, ioas.id(), 2 * IOVA, PAGE);
        Refusal.of(
            Reason.INVALID_ARGUMENT,
            Errno.EINVAL,
            () -> ioas.map(memory.address(), PAGE, 2 * IOVA, DmaAccess.READ));
      }
    } finally {
      Lab.KERNEL.munmap(memory);
    }
  }

  /** Half a page at the end of all addresses: the kernel pins the whole one. */
  @Test
  void thereIsNoLastPage() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas();
        MockDevice mock = MockDevice.attachedTo(ioas)) {
      assertThat(mock.hwpt()).isNotNull();
      IommuIoasMap map =
          new IommuIoasMap()
              .flags(IommufdUapi.IOMMU_IOAS_MAP_READABLE | IommufdUapi.IOMMU_IOAS_MAP_FIXED_IOVA)
              .ioasId(ioas.id().value())
              .iova(IOVA)
              .length(MockDevice.IO_PAGE);
      assertThat(map(iommufd, map.userVa(-PAGE))).isEqualTo(Errno.EOVERFLOW);
      assertThat(map(iommufd, map.userVa(-2 * PAGE))).isEqualTo(Errno.EFAULT);
      map.length(PAGE + MockDevice.IO_PAGE);
      assertThat(map(iommufd, map.userVa(-2 * PAGE))).isEqualTo(Errno.EOVERFLOW);
      // As many pages as are pinned at once, and one more.
      map.length(8192 * PAGE - MockDevice.IO_PAGE);
      assertThat(map(iommufd, map.userVa(-8192 * PAGE))).isEqualTo(Errno.EOVERFLOW);
      map.length(8193 * PAGE - MockDevice.IO_PAGE);
      assertThat(map(iommufd, map.userVa(-8193 * PAGE))).isEqualTo(Errno.EFAULT);
    }
  }

  private static Errno map(Iommufd iommufd, IommuIoasMap map) {
    return Errno.ofResult(Lab.KERNEL.ioctl(iommufd.fd(), IommufdUapi.IOMMU_IOAS_MAP, map));
  }

  @Test
  void malformedArgumentsAreRefusedInTheKernelsOrder() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas();
        MockDevice mock = MockDevice.attachedTo(ioas)) {
      int dev = mock.devId().value();
      int pt = ioas.id().value();
      IommuHwptAlloc good = new IommuHwptAlloc().devId(dev).ptId(pt);
      good.putInt(IommuHwptAlloc.RESERVED, 1);
      assertThat(alloc(iommufd, good)).isEqualTo(Errno.EOPNOTSUPP);
      assertThat(alloc(iommufd, new IommuHwptAlloc().devId(dev).ptId(pt).dataLen(4)))
          .isEqualTo(Errno.EINVAL);
      assertThat(alloc(iommufd, new IommuHwptAlloc().devId(dev).ptId(pt).dataType(1)))
          .isEqualTo(Errno.EINVAL);
      assertThat(alloc(iommufd, new IommuHwptAlloc().devId(4711).ptId(4711)))
          .isEqualTo(Errno.ENOENT);
      assertThat(alloc(iommufd, new IommuHwptAlloc().devId(pt).ptId(pt))).isEqualTo(Errno.ENOENT);
      assertThat(alloc(iommufd, new IommuHwptAlloc().devId(dev).ptId(4711)))
          .isEqualTo(Errno.EINVAL);
      assertThat(alloc(iommufd, new IommuHwptAlloc().devId(dev).ptId(dev))).isEqualTo(Errno.EINVAL);
      assertThat(alloc(iommufd, new IommuHwptAlloc().devId(dev).ptId(pt).flags(1 << 9)))
          .isEqualTo(Errno.EOPNOTSUPP);
      int faults = IommufdUapi.IOMMU_HWPT_FAULT_ID_VALID;
      assertThat(alloc(iommufd, new IommuHwptAlloc().devId(dev).ptId(pt).flags(faults)))
          .isEqualTo(Errno.EOPNOTSUPP);
      NativeBlock data = new NativeBlock(8);
      assertThat(
              alloc(
                  iommufd,
                  new IommuHwptAlloc()
                      .devId(dev)
                      .ptId(pt)
                      .dataType(MockDevice.HWPT_DATA)
                      .dataLen(4)
                      .dataUptr(data.address())))
          .isEqualTo(Errno.EOPNOTSUPP);
      // The first form of the struct is enough, a later one must not say anything.
      IommuHwptAlloc first = new IommuHwptAlloc().devId(dev).ptId(pt).size(24);
      assertThat(alloc(iommufd, first)).isNull();
      iommufd.destroy(first.outHwptId());
      assertThat(alloc(iommufd, first.size(23))).isEqualTo(Errno.EINVAL);
      NativeBlock longer = new NativeBlock(56);
      longer.putInt(IommuHwptAlloc.SIZE, 56);
      longer.putInt(52, 1);
      assertThat(Lab.KERNEL.ioctl(iommufd.fd(), IommufdUapi.IOMMU_HWPT_ALLOC, longer))
          .isEqualTo(Errno.E2BIG.result());
    }
  }

  @Test
  void theBufferIsFilledAsFarAsItGoes() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas();
        MockDevice mock = MockDevice.attachedTo(ioas)) {
      NativeBlock buffer = new NativeBlock(16);
      for (int room : new int[] {0, 4, 8, 16}) {
        buffer.putLong(0, -1);
        buffer.putLong(8, -1);
        IommuHwInfo info =
            new IommuHwInfo()
                .devId(mock.devId().value())
                .dataLen(room)
                .dataUptr(room == 0 ? 0 : buffer.address());
        assertThat(info(iommufd, info)).isNull();
        assertThat(info.dataLen()).isEqualTo(8);
        assertThat(buffer.getInt(0)).isEqualTo(room == 0 ? -1 : 0);
        assertThat(buffer.getInt(4)).isEqualTo(room < 8 ? -1 : MockDevice.HW_INFO_REGISTER);
        // What the buffer has beyond is cleared, and nothing behind it.
        assertThat(buffer.getLong(8)).isEqualTo(room < 16 ? -1 : 0);
      }
      IommuHwInfo nowhere =
          new IommuHwInfo().devId(mock.devId().value()).dataLen(8).dataUptr(Memory.NOWHERE);
      assertThat(info(iommufd, nowhere)).isEqualTo(Errno.EFAULT);
      assertThat(info(iommufd, new IommuHwInfo().devId(mock.devId().value()).flags(2)))
          .isEqualTo(Errno.EOPNOTSUPP);
      IommuHwInfo reserved = new IommuHwInfo().devId(4711);
      reserved.putByte(IommuHwInfo.RESERVED, (byte) 1);
      assertThat(info(iommufd, reserved)).isEqualTo(Errno.EOPNOTSUPP);
      assertThat(info(iommufd, new IommuHwInfo().devId(4711).size(31))).isEqualTo(Errno.EINVAL);
    }
  }

  @Test
  void theIommuTellsOfItself() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas();
        MockDevice mock = MockDevice.attachedTo(ioas)) {
      HwInfo selftest = iommufd.hwInfo(mock.devId());
      assertThat(selftest.dataType()).isEqualTo(MockDevice.HW_INFO_TYPE);
      assertThat(selftest.data()).hasSize(8);
      assertThat(selftest.canTrackDirty()).isTrue();
      assertThat(selftest.maxPasidLog2()).isZero();
      assertThat(selftest.vtd()).isEmpty();
      Refusal.of(Reason.NO_SUCH_DEVICE, Errno.ENOENT, () -> iommufd.hwInfo(new DevId(4711)));
      Refusal.of(
          Reason.NO_SUCH_DEVICE, Errno.ENOENT, () -> iommufd.hwInfo(new DevId(ioas.id().value())));
      // To choose what is told is of Linux 6.17.
      Refusal.of(
          Reason.NOT_SUPPORTED,
          Errno.EOPNOTSUPP,
          () -> iommufd.hwInfo(mock.devId(), IommufdUapi.IOMMU_HW_INFO_TYPE_INTEL_VTD));
    }
  }

  /** Null for none. */
  private static Errno alloc(Iommufd iommufd, IommuHwptAlloc alloc) {
    int result = Lab.KERNEL.ioctl(iommufd.fd(), IommufdUapi.IOMMU_HWPT_ALLOC, alloc);
    return result < 0 ? Errno.ofResult(result) : null;
  }

  private static Errno info(Iommufd iommufd, IommuHwInfo info) {
    int result = Lab.KERNEL.ioctl(iommufd.fd(), IommufdUapi.IOMMU_GET_HW_INFO, info);
    return result < 0 ? Errno.ofResult(result) : null;
  }
}
