// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import java.time.Duration;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.AssignmentPolicy;
import org.vfio4j.bridge.CompatBridge;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.group.IommuType;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.SysfsDevice;

/** What the topology "standard" of the lab has: see {@code kernel-lab/topologies}. */
final class Lab {
  /** {@code edu}, alone in its group, on vfio-pci. */
  static final PciAddress EDU = PciAddress.of("0000:00:05.0");

  /** {@code nvme}, alone in its group, on vfio-pci. */
  static final PciAddress NVME = PciAddress.of("0000:00:06.0");

  /** {@code pci-testdev}, alone in its group, without a driver. */
  static final PciAddress TESTDEV = PciAddress.of("0000:00:07.0");

  /** The bridge whose group the next two are in; it has no driver. */
  static final PciAddress BRIDGE = PciAddress.of("0000:00:08.0");

  /** {@code edu} behind {@link #BRIDGE}, on vfio-pci. */
  static final PciAddress SHARED_1 = PciAddress.of("0000:01:01.0");

  /** {@code edu} behind {@link #BRIDGE}, on vfio-pci. */
  static final PciAddress SHARED_2 = PciAddress.of("0000:01:02.0");

  /** {@code nvme} with virtual functions, on the host's driver. */
  static final PciAddress SRIOV_NVME = PciAddress.of("0000:02:00.0");

  /** The SATA controller of the chipset, on the host's driver, in a group of three. */
  static final PciAddress SATA = PciAddress.of("0000:00:1f.2");

  static final Kernel KERNEL = LabKernels.chosen();

  /** Debian's own kernel, without iommufd and device nodes. */
  static final boolean OLD_KERNEL = LabKernels.isOld();

  private Lab() {}

  /** Until then, or for a while: what is waited for is to be asserted. */
  static void await(BooleanSupplier condition) throws InterruptedException {
    long giveUp = System.nanoTime() + Duration.ofSeconds(20).toNanos();
    while (!condition.getAsBoolean() && System.nanoTime() < giveUp) {
      Thread.sleep(5);
    }
  }

  /**
   * The modes that the guest's kernel has, by its version: what is missing must not pass for
   * absent.
   */
  static List<VfioMode> modes() {
    return OLD_KERNEL
        ? List.of(VfioMode.VFIO_TYPE1_IOMMU, VfioMode.VFIO_TYPE1V2_IOMMU)
        : VfioMode.all();
  }

  /** Those in which a container can have only so many mappings. */
  static List<VfioMode> modesWithEntryLimit() {
    return modes().stream().filter(mode -> !onIommufd(mode)).toList();
  }

  /** Whether an iommufd answers the calls of this mode: it has errnos of its own. */
  static boolean onIommufd(VfioMode mode) {
    return mode == VfioMode.IOMMUFD || mode.isCompat();
  }

  /** Whether there must be an iommufd, be it that its answers are translated. */
  static boolean needsIommufd(VfioMode mode) {
    return onIommufd(mode) || mode.isBridged();
  }

  /** Whether the device is bound by its node, whoever does it. */
  static boolean bindsTheNode(VfioMode mode) {
    return mode == VfioMode.IOMMUFD || mode.isBridged();
  }

  /** The kernel that has containers and groups for this mode. */
  static Kernel kernel(VfioMode mode) {
    return mode.isBridged() ? CompatBridge.over(KERNEL, AssignmentPolicy.STAGE_2) : KERNEL;
  }

  static IommuType type(VfioMode mode) {
    return switch (mode) {
      case VFIO_TYPE1_IOMMU, IOMMUFD_COMPAT_TYPE1, BRIDGE_TYPE1 -> IommuType.TYPE1;
      default -> IommuType.TYPE1_V2;
    };
  }

  /** {@link #EDU} in an address space of its own. */
  static AssignedDevice openEdu(VfioMode mode) {
    return AssignedDevice.open(KERNEL, mode, EDU);
  }

  static SysfsDevice sysfs(PciAddress address) {
    return SysfsDevice.pci(KERNEL, address);
  }
}
