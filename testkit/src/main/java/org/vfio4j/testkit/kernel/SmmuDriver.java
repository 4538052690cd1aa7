// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.iommufd.uapi.IommuHwInfoArmSmmuv3;
import org.vfio4j.iommufd.uapi.IommuHwInfoTegra241Cmdqv;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.testkit.machine.KernelVersion;
import org.vfio4j.testkit.machine.Machine;

/**
 * Arm's SMMUv3: guests have it through a virtual IOMMU only.
 *
 * <p>Source: {@code drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3-iommufd.c}.
 */
final class SmmuDriver extends MachineIommuDriver {
  /** Two stages, in the form of 64 bits, and address spaces of 16 bits. */
  private static final int IDR0 = 1 | 1 << 1 | 2 << 2 | 1 << 12;

  /** Pages of 4 KiB, addresses of 48 bits. */
  private static final int IDR5 = 1 << 4 | 5;

  private final KernelVersion version;
  private final boolean hasQueues;

  /**
   * @param hasQueues whether it has the queues of a Tegra241
   */
  SmmuDriver(KernelVersion version, Machine machine, boolean hasQueues) {
    super(machine);
    this.version = version;
    this.hasQueues = hasQueues;
  }

  private boolean isKnownToGuests() {
    return version.isAtLeast(6, 13);
  }

  private boolean givesQueues() {
    return hasQueues && version.hasHardwareQueues();
  }

  @Override
  int hwInfoType() {
    return isKnownToGuests()
        ? IommufdUapi.IOMMU_HW_INFO_TYPE_ARM_SMMUV3
        : IommufdUapi.IOMMU_HW_INFO_TYPE_NONE;
  }

  @Override
  byte[] hwInfo(int type) {
    if (type == IommufdUapi.IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV && givesQueues()) {
      byte[] numbers = {1, 1, 1, 0};
      IommuHwInfoTegra241Cmdqv queues = new IommuHwInfoTegra241Cmdqv();
      queues.put(IommuHwInfoTegra241Cmdqv.VERSION, numbers);
      return queues.get(0, IommuHwInfoTegra241Cmdqv.SIZEOF);
    }
    if (type != hwInfoType()) {
      return null;
    }
    if (type == IommufdUapi.IOMMU_HW_INFO_TYPE_NONE) {
      return new byte[0];
    }
    IommuHwInfoArmSmmuv3 info = new IommuHwInfoArmSmmuv3();
    boolean tells = can().hasErratum() && version.isAtLeast(7, 3);
    info.putInt(
        IommuHwInfoArmSmmuv3.FLAGS,
        tells ? IommufdUapi.IOMMU_HW_INFO_ARM_SMMUV3_ERRATA_REPEAT_TLBI_CFGI : 0);
    info.putInt(IommuHwInfoArmSmmuv3.IDR, IDR0);
    info.putInt(IommuHwInfoArmSmmuv3.IDR + 5 * Integer.BYTES, IDR5);
    return info.get(0, IommuHwInfoArmSmmuv3.SIZEOF);
  }

  @Override
  boolean hasVirtual(int type) {
    boolean known =
        type == IommufdUapi.IOMMU_VIOMMU_TYPE_ARM_SMMUV3
            || (type == IommufdUapi.IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV && givesQueues());
    return known && canNest();
  }

  @Override
  VirtualIommu makeVirtual(int type, Endpoint device, PagingDomain parent, UserData data) {
    return new VirtualSmmu(this, parent, type == IommufdUapi.IOMMU_VIOMMU_TYPE_TEGRA241_CMDQV);
  }
}
