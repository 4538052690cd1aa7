// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.UnboundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.IoasId;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.iommufd.PhysicalRange;
import org.vfio4j.iommufd.uapi.IommuIoasNoiommuGetPa;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.testkit.machine.KernelVersion;
import org.vfio4j.testkit.machine.Machine;
import org.vfio4j.testkit.machine.Machine.Capability;

/** Device nodes where no IOMMU is, as the newest kernels have them. */
class NoIommuNodeTest {
  private static final PciAddress ADDRESS = PciAddress.of("0000:00:05.0");
  private static final long PAGE = 4096;
  private static final long IOVA = 0x100_0000;

  private Machine machine;

  private FakeKernel kernel(KernelVersion version) {
    return FakeKernel.of(
        version,
        made -> {
          machine = made.noIommuMode();
          made.device(ADDRESS.toString(), new Busmaster()).boundTo("vfio-pci");
        });
  }

  private static MappedMemory pages(FakeKernel kernel, int count) {
    int protection = Linux.PROT_READ | Linux.PROT_WRITE;
    return kernel
        .mmap(-1, 0, count * PAGE, protection, Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS)
        .value();
  }

  /** The device is programmed with the addresses of the memory itself. */
  @Test
  void addressesArePhysical() {
    FakeKernel kernel = kernel(KernelVersion.NEWEST);
    MappedMemory memory = pages(kernel, 2);
    VfioCdev node = VfioCdev.find(kernel, ADDRESS);
    assertThat(node.isNoIommu()).isTrue();
    assertThat(node.node()).isEqualTo("/dev/vfio/devices/noiommu-vfio0");
    try (Iommufd iommufd = Iommufd.open(kernel);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice device = node.open().bind(iommufd, DeviceCookie.of(1))) {
      ioas.map(memory.address(), 2 * PAGE, IOVA, DmaAccess.READ_WRITE);
      Refused.with(Errno.EINVAL, () -> ioas.noIommuPhysical(IOVA, 0));
      device.attach(ioas);
      Refused.with(Errno.EOPNOTSUPP, () -> ioas.hwpt(device.devId()).nestParent().allocate());
      PhysicalRange all = ioas.noIommuPhysical(IOVA + 8, 0);
      assertThat(all.length()).isEqualTo(2 * PAGE - 8);
      assertThat(ioas.noIommuPhysical(IOVA + 8, 100))
          .isEqualTo(new PhysicalRange(all.address(), 100));
      device.config().enableMemory(true);
      device.config().enableBusMaster(true);
      assertThat(Busmaster.writes(device, all.address())).isTrue();
      assertThat(memory.getIntLe(8)).isEqualTo(0x04030201);
      assertThat(Busmaster.writes(device, IOVA)).isFalse();
      Refused.with(Errno.ENOENT, () -> ioas.noIommuPhysical(IOVA - PAGE, 0));
      Refused.with(Errno.EOVERFLOW, () -> ioas.noIommuPhysical(-1, 0));
      Refused.with(
          Errno.ENOENT, () -> iommufd.borrowIoas(new IoasId(4711)).noIommuPhysical(IOVA, 0));
      IommuIoasNoiommuGetPa flags = new IommuIoasNoiommuGetPa().flags(1).ioasId(ioas.id().value());
      assertThat(kernel.ioctl(iommufd.fd(), IommufdUapi.IOMMU_IOAS_NOIOMMU_GET_PA, flags))
          .isEqualTo(Errno.EOPNOTSUPP.result());
      machine.without(Capability.CAP_SYS_RAWIO);
      Refused.with(Errno.EPERM, () -> ioas.noIommuPhysical(IOVA, 0));
    }
    Refused.with(Errno.EPERM, node::open);
  }

  @Test
  void whoLostTheRightDoesNotBind() {
    FakeKernel kernel = kernel(KernelVersion.NEWEST);
    try (Iommufd iommufd = Iommufd.open(kernel);
        UnboundDevice device = VfioCdev.find(kernel, ADDRESS).open()) {
      machine.without(Capability.CAP_SYS_RAWIO);
      assertThat(Refused.with(Errno.EPERM, () -> device.bind(iommufd, DeviceCookie.of(1))).reason())
          .isEqualTo(Reason.NO_PERMISSION);
    }
  }

  @Test
  void olderKernelsHaveNone() {
    FakeKernel kernel = kernel(KernelVersion.LINUX_6_17);
    assertThat(kernel.list("/dev/vfio/devices").orElse(List.of())).isEmpty();
  }
}
