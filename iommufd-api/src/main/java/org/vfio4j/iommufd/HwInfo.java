// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

import java.util.Optional;
import java.util.function.Supplier;
import org.vfio4j.iommufd.uapi.IommuHwInfoAmd;
import org.vfio4j.iommufd.uapi.IommuHwInfoArmSmmuv3;
import org.vfio4j.iommufd.uapi.IommuHwInfoTegra241Cmdqv;
import org.vfio4j.iommufd.uapi.IommuHwInfoVtd;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.memory.Struct;

/**
 * What IOMMU_GET_HW_INFO tells of the IOMMU in front of a device: its make, its registers in the
 * form of that make, and what it can for this device.
 */
public final class HwInfo {
  private final int dataType;
  private final byte[] data;
  private final int maxPasidLog2;
  private final long capabilities;

  HwInfo(int dataType, byte[] data, int maxPasidLog2, long capabilities) {
    this.dataType = dataType;
    this.data = data.clone();
    this.maxPasidLog2 = maxPasidLog2;
    this.capabilities = capabilities;
  }

  /** {@code IOMMU_HW_INFO_TYPE_*}: whose form {@link #data} has; 0 where there are none. */
  public int dataType() {
    return dataType;
  }

  /** A copy of all that the kernel has, also of a make that this library has no name for. */
  public byte[] data() {
    return data.clone();
  }

  /** Intel's registers; empty for other makes. */
  public Optional<IommuHwInfoVtd> vtd() {
    return as(IommufdUapi.IOMMU_HW_INFO_TYPE_INTEL_VTD, IommuHwInfoVtd::new);
  }

  /** Arm's registers; empty for other makes. Linux 6.13. */
  public Optional<IommuHwInfoArmSmmuv3> armSmmuV3() {
    return as(IommufdUapi.IOMMU_HW_INFO_TYPE_ARM_SMMUV3, IommuHwInfoArmSmmuv3::new);
  }

  /** The command queues of a Tegra241; empty for others. Linux 6.17, and to be asked for. */
  public Optional<IommuHwInfoTegra241Cmdqv> tegra241Cmdqv() {
    return as(IommufdUapi.IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV, IommuHwInfoTegra241Cmdqv::new);
  }

  /** AMD's registers; empty for other makes. Linux 7.0. */
  public Optional<IommuHwInfoAmd> amd() {
    return as(IommufdUapi.IOMMU_HW_INFO_TYPE_AMD, IommuHwInfoAmd::new);
  }

  private <T extends Struct> Optional<T> as(int type, Supplier<T> empty) {
    if (dataType != type) {
      return Optional.empty();
    }
    T struct = empty.get();
    byte[] known = new byte[Math.min(data.length, struct.capacity())];
    System.arraycopy(data, 0, known, 0, known.length);
    struct.put(0, known);
    return Optional.of(struct);
  }

  /** {@code IOMMU_HW_CAP_*}. */
  public long capabilities() {
    return capabilities;
  }

  /** Whether a page table for this device can note which pages are written. Linux 6.7. */
  public boolean canTrackDirty() {
    return (capabilities & IommufdUapi.IOMMU_HW_CAP_DIRTY_TRACKING) != 0;
  }

  /** How many bits the PASIDs of the device have; 0 when it has none. Linux 6.15. */
  public int maxPasidLog2() {
    return maxPasidLog2;
  }

  /** Whether the device may ask to execute with a PASID. Linux 6.15. */
  public boolean canExecuteWithPasid() {
    return (capabilities & IommufdUapi.IOMMU_HW_CAP_PCI_PASID_EXEC) != 0;
  }

  /** Whether the device may ask to be privileged with a PASID. Linux 6.15. */
  public boolean canBePrivilegedWithPasid() {
    return (capabilities & IommufdUapi.IOMMU_HW_CAP_PCI_PASID_PRIV) != 0;
  }

  /** Whether the kernel says that the device must not translate addresses itself. Linux 7.1. */
  public boolean lacksAts() {
    return (capabilities & IommufdUapi.IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED) != 0;
  }

  @Override
  public String toString() {
    return "IOMMU of type "
        + Integer.toUnsignedString(dataType)
        + ", capabilities 0x"
        + Long.toHexString(capabilities)
        + ", PASIDs of "
        + maxPasidLog2
        + " bits";
  }
}
