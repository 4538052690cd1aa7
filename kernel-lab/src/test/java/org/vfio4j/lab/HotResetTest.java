// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.device.AffectedFunction;
import org.vfio4j.device.AffectedFunction.Owner;
import org.vfio4j.device.HotReset;
import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.Region;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.VfioPci;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.device.uapi.VfioPciDependentDevice;
import org.vfio4j.device.uapi.VfioPciHotReset;
import org.vfio4j.device.uapi.VfioPciHotResetInfo;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.dma.DmaSpace;
import org.vfio4j.group.IommuType;
import org.vfio4j.group.VfioContainer;
import org.vfio4j.group.VfioGroup;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.FileObject;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.PciDriver;
import org.vfio4j.memory.NativeBlock;

/**
 * Resets of a whole bus: of {@code nvme}, alone behind its root port, and of the two {@code edu}
 * behind one bridge.
 */
class HotResetTest {
  /** The status register of an NVMe controller, whose first bit says that it is ready. */
  private static final int NVME_CSTS = 0x1c;

  @BeforeEach
  void takeNvme() {
    PciDriver.bind(Lab.KERNEL, Lab.SRIOV_NVME, PciDriver.VFIO_PCI);
  }

  @AfterEach
  void giveBack() {
    PciDriver.restore(Lab.KERNEL, Lab.SRIOV_NVME);
    PciDriver.bind(Lab.KERNEL, Lab.SHARED_2, PciDriver.VFIO_PCI);
  }

  private static int group(PciAddress address) {
    return Lab.sysfs(address).iommuGroup().orElseThrow();
  }

  private static List<PciAddress> addresses(List<AffectedFunction> functions) {
    return functions.stream().map(AffectedFunction::address).toList();
  }

  /** On a root bus there is nothing to reset. */
  @EveryMode
  void neitherSlotNorBus(VfioMode mode) {
    try (AssignedDevice nvme = AssignedDevice.open(Lab.KERNEL, mode, Lab.NVME)) {
      VfioException refusal =
          Refusal.of(Reason.NOT_SUPPORTED, Errno.ENODEV, () -> nvme.device().planHotReset());
      assertThat(refusal.fact()).contains("root bus");
      int fd = nvme.device().fd();
      // A bridged device was opened by its node.
      boolean byNode = mode == VfioMode.IOMMUFD || mode.isBridged();
      VfioPciHotReset reset = new VfioPciHotReset(4).count(byNode ? 0 : 1);
      assertThat(Lab.KERNEL.ioctl(fd, VfioDeviceUapi.VFIO_DEVICE_PCI_HOT_RESET, reset))
          .isEqualTo(Errno.ENODEV.result());
    }
  }

  @Test
  @Tag("lab")
  void nvmeThroughItsGroup() {
    int number = group(Lab.SRIOV_NVME);
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup group = VfioGroup.open(Lab.KERNEL, number).join(container)) {
      DmaSpace dma = container.setIommu(IommuType.TYPE1_V2);
      try (VfioDevice nvme = group.device(Lab.SRIOV_NVME)) {
        HotReset plan = nvme.planHotReset();
        assertThat(plan.ownership()).isEqualTo(HotReset.Ownership.GROUPS);
        assertThat(plan.affected())
            .containsExactly(
                new AffectedFunction(Lab.SRIOV_NVME, Owner.GROUP, number, PciDriver.VFIO_PCI));
        assertThat(plan.groups()).containsExactly(number);
        assertThat(plan.missing()).isEmpty();
        assertThat(plan.missing(Set.of())).isEqualTo(plan.affected());
        assertThat(plan.missing(Set.of(number))).isEmpty();
        assertThat(plan.toString()).contains("0000:02:00.0 (group " + number + ", vfio-pci)");
        Refusal.of(Reason.WRONG_STATE, plan::execute);
        Refusal.of(Reason.INVALID_ARGUMENT, () -> plan.execute(List.of()));
        isResetBy(nvme, dma, () -> plan.execute(List.of(group)));
      }
    }
  }

  @Test
  @Tag("lab")
  void nvmeByItsNode() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice nvme = bind(Lab.SRIOV_NVME, iommufd)) {
      nvme.attach(ioas);
      HotReset plan = nvme.planHotReset();
      assertThat(plan.ownership()).isEqualTo(HotReset.Ownership.DEVICES);
      assertThat(plan.affected())
          .containsExactly(
              new AffectedFunction(
                  Lab.SRIOV_NVME, Owner.BOUND, nvme.devId().value(), PciDriver.VFIO_PCI));
      assertThat(plan.missing()).isEmpty();
      assertThat(plan.groups()).isEmpty();
      Refusal.of(Reason.WRONG_STATE, () -> plan.execute(List.of(iommufd)));
      isResetBy(nvme, ioas, plan::execute);
    }
  }

  /** It works before, and is off afterwards; but what VFIO made stays: mapping and interrupts. */
  private static void isResetBy(VfioDevice nvme, DmaSpace dma, Runnable reset) {
    try (NvmeDriver driver = new NvmeDriver(nvme, dma);
        MappedRegion registers = nvme.region(VfioPci.BAR0).map();
        DmaBuffer page = dma.allocate(4096)) {
      driver.identifyController(page);
      assertThat(registers.getIntLe(NVME_CSTS) & 1).as("ready").isEqualTo(1);
      reset.run();
      assertThat(registers.getIntLe(NVME_CSTS) & 1).isZero();
      assertThat(nvme.config().isMemoryEnabled()).isTrue();
      assertThat(nvme.config().isBusMasterEnabled()).isTrue();
      VfioException enabled =
          Refusal.of(Reason.WRONG_STATE, () -> nvme.interrupts(VfioPci.MSIX).enable(1));
      assertThat(enabled.fact()).contains("enabled already");
    }
  }

  @Test
  @Tag("lab")
  void aSharedGroup() {
    int number = group(Lab.SHARED_1);
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup group = VfioGroup.open(Lab.KERNEL, number).join(container)) {
      container.setIommu(IommuType.TYPE1_V2).close();
      try (VfioDevice one = group.device(Lab.SHARED_1)) {
        HotReset plan = one.planHotReset();
        assertThat(addresses(plan.affected()))
            .containsExactlyInAnyOrder(Lab.SHARED_1, Lab.SHARED_2);
        assertThat(plan.groups()).containsExactly(number);
        // The other one need not be open: its group is the caller's.
        plan.execute(List.of(group));
        assertThat(one.region(VfioPci.BAR0).getIntLe(0)).isEqualTo(Edu.IDENTITY);

        // But it must be vfio-pci's, which the kernel says with no more than EINVAL.
        PciDriver.unbind(Lab.KERNEL, Lab.SHARED_2);
        HotReset without = one.planHotReset();
        assertThat(addresses(without.missing())).containsExactly(Lab.SHARED_2);
        VfioException refusal =
            Refusal.of(Reason.NOT_VIABLE, Errno.EINVAL, () -> without.execute(List.of(group)));
        assertThat(refusal.fact()).contains(Lab.SHARED_2 + " (group " + number + ", no driver)");
      }
    }
  }

  @Test
  @Tag("lab")
  void aSharedGroupByItsNodes() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        BoundDevice one = bind(Lab.SHARED_1, iommufd)) {
      HotReset alone = one.planHotReset();
      assertThat(alone.affected())
          .containsExactlyInAnyOrder(
              new AffectedFunction(
                  Lab.SHARED_1, Owner.BOUND, one.devId().value(), PciDriver.VFIO_PCI),
              // Not bound, and nobody else can have it while the first one is.
              new AffectedFunction(Lab.SHARED_2, Owner.OWNED, 0, PciDriver.VFIO_PCI));
      assertThat(alone.missing()).isEmpty();
      alone.execute();
      try (BoundDevice two = bind(Lab.SHARED_2, iommufd)) {
        HotReset both = one.planHotReset();
        assertThat(both.affected()).extracting(AffectedFunction::owner).containsOnly(Owner.BOUND);
        assertThat(both.affected())
            .extracting(AffectedFunction::id)
            .containsExactlyInAnyOrder(one.devId().value(), two.devId().value());
        two.planHotReset().execute();
      }
      PciDriver.unbind(Lab.KERNEL, Lab.SHARED_2);
      HotReset without = one.planHotReset();
      assertThat(without.missing())
          .containsExactly(new AffectedFunction(Lab.SHARED_2, Owner.NOT_OWNED, 0, ""));
      VfioException refusal = Refusal.of(Reason.NOT_VIABLE, Errno.EINVAL, without::execute);
      assertThat(refusal.fact()).contains("0000:01:02.0 (not owned, no driver)");
      assertThat(one.region(VfioPci.BAR0).getIntLe(0)).isEqualTo(Edu.IDENTITY);
    }
  }

  /** The kernel's own answers, by number. */
  @Test
  @Tag("lab")
  void refusals() {
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup group = VfioGroup.open(Lab.KERNEL, group(Lab.SHARED_1)).join(container)) {
      container.setIommu(IommuType.TYPE1_V2).close();
      try (VfioDevice one = group.device(Lab.SHARED_1);
          VfioGroup other = VfioGroup.open(Lab.KERNEL, group(Lab.EDU))) {
        assertThat(info(one, new VfioPciHotResetInfo(0).argsz(11))).isEqualTo(Errno.EINVAL);
        VfioPciHotResetInfo count = new VfioPciHotResetInfo(VfioPciDependentDevice.SIZEOF);
        assertThat(info(one, count)).isEqualTo(Errno.ENOSPC);
        assertThat(count.count()).as("also where it fails").isEqualTo(2);
        assertThat(count.flags()).isZero();
        assertThat(info(one, new VfioPciHotResetInfo(2 * VfioPciDependentDevice.SIZEOF))).isNull();

        assertThat(reset(one, new VfioPciHotReset(0).argsz(11))).isEqualTo(Errno.EINVAL);
        assertThat(reset(one, groups(group).flags(1))).isEqualTo(Errno.EINVAL);
        assertThat(reset(one, new VfioPciHotReset(0))).as("no group").isEqualTo(Errno.EINVAL);
        assertThat(reset(one, groups(group, group, group))).isEqualTo(Errno.EINVAL);
        assertThat(reset(one, groups(other))).as("another group").isEqualTo(Errno.EINVAL);
        assertThat(reset(one, groups(container))).as("no group's file").isEqualTo(Errno.EINVAL);
        assertThat(info(one, null)).isEqualTo(Errno.EFAULT);
        assertThat(reset(one, null)).isEqualTo(Errno.EFAULT);
        VfioPciHotReset closed = new VfioPciHotReset(4).count(1);
        closed.putInt(VfioPciHotReset.GROUP_FDS, 1_000_000);
        assertThat(reset(one, closed)).isEqualTo(Errno.EBADF);
        assertThat(reset(one, groups(other, group))).as("more than enough").isNull();
      }
    }
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        BoundDevice one = bind(Lab.SHARED_1, iommufd)) {
      VfioPciHotReset counted = new VfioPciHotReset(4).count(1);
      assertThat(reset(one, counted)).as("with groups").isEqualTo(Errno.EINVAL);
      assertThat(reset(one, new VfioPciHotReset(0))).isNull();
    }
  }

  @Test
  @Tag("lab")
  void mediatedDevicesAreOnNoBus() {
    try (Mtty mtty = new Mtty(1)) {
      assertThat(info(mtty.device(), new VfioPciHotResetInfo(0))).isEqualTo(Errno.ENOTTY);
      assertThat(reset(mtty.device(), new VfioPciHotReset(0))).isEqualTo(Errno.ENOTTY);
    }
  }

  /** Who is in the middle of an access to a function keeps the bus from being reset. */
  @Test
  @Tag("lab")
  @RealKernelOnly("the fake kernel makes one call at a time")
  void anAccessUnderWayIsNotWaitedFor() throws Exception {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        BoundDevice one = bind(Lab.SHARED_1, iommufd);
        BoundDevice two = bind(Lab.SHARED_2, iommufd)) {
      AtomicBoolean over = new AtomicBoolean();
      Thread reader =
          new Thread(
              () -> {
                Region registers = two.region(VfioPci.BAR0);
                while (!over.get()) {
                  registers.getIntLe(0);
                }
              });
      reader.start();
      Errno refused = null;
      long giveUp = System.nanoTime() + 60_000_000_000L;
      while (refused == null && System.nanoTime() < giveUp) {
        refused = reset(one, new VfioPciHotReset(0));
      }
      over.set(true);
      reader.join();
      assertThat(refused).isEqualTo(Errno.EBUSY);
      assertThat(reset(one, new VfioPciHotReset(0))).as("nobody is in the way").isNull();
    }
  }

  private static VfioPciHotReset groups(FileObject... files) {
    VfioPciHotReset reset = new VfioPciHotReset(files.length * Integer.BYTES).count(files.length);
    for (int i = 0; i < files.length; i++) {
      reset.putInt(VfioPciHotReset.GROUP_FDS + i * Integer.BYTES, files[i].fd());
    }
    return reset;
  }

  private static Errno info(VfioDevice device, NativeBlock argument) {
    return errno(device, VfioDeviceUapi.VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, argument);
  }

  private static Errno reset(VfioDevice device, NativeBlock argument) {
    return errno(device, VfioDeviceUapi.VFIO_DEVICE_PCI_HOT_RESET, argument);
  }

  private static Errno errno(VfioDevice device, int request, NativeBlock argument) {
    int result =
        argument == null
            ? Lab.KERNEL.ioctl(device.fd(), request, Memory.NOWHERE)
            : Lab.KERNEL.ioctl(device.fd(), request, argument);
    return result < 0 ? Errno.ofResult(result) : null;
  }

  private static BoundDevice bind(PciAddress address, Iommufd iommufd) {
    return VfioCdev.find(Lab.KERNEL, address).open().bind(iommufd, DeviceCookie.of(1));
  }
}
