// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

import java.util.OptionalInt;
import org.vfio4j.Units;
import org.vfio4j.iommufd.uapi.IommufdUapi;

/**
 * A page that a device could not reach.
 *
 * @param address where, as the device said it
 * @param length how far beyond it the device means to go, in bytes; 0 where it did not say
 * @param permissions what it wanted: {@code IOMMU_PGFAULT_PERM_*}
 * @param pasid the PASID that it used; empty for none
 */
public record PageFault(long address, int length, int permissions, OptionalInt pasid) {
  public boolean isRead() {
    return (permissions & IommufdUapi.IOMMU_PGFAULT_PERM_READ) != 0;
  }

  public boolean isWrite() {
    return (permissions & IommufdUapi.IOMMU_PGFAULT_PERM_WRITE) != 0;
  }

  public boolean isExecute() {
    return (permissions & IommufdUapi.IOMMU_PGFAULT_PERM_EXEC) != 0;
  }

  public boolean isPrivileged() {
    return (permissions & IommufdUapi.IOMMU_PGFAULT_PERM_PRIV) != 0;
  }

  @Override
  public String toString() {
    return "page fault at "
        + Units.hex(address)
        + (isRead() ? " read" : "")
        + (isWrite() ? " write" : "")
        + (isExecute() ? " execute" : "")
        + (isPrivileged() ? " privileged" : "")
        + (pasid.isPresent() ? " with PASID " + pasid.getAsInt() : "");
  }
}
