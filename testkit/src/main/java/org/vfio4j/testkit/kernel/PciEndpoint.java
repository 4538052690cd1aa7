// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.List;
import org.vfio4j.dma.IovaRange;

/** A function on the bus, behind the IOMMU of the machine. */
record PciEndpoint(Core core, PciDevice device) implements Endpoint {
  @Override
  public IommuGroup group() {
    return device.group();
  }

  @Override
  public IommuDriver iommu() {
    return isWithoutIommu() ? core.noIommu() : core.iommu();
  }

  @Override
  public List<IovaRange> reserved() {
    return isWithoutIommu() ? List.of() : core.machine().reserved();
  }

  private boolean isWithoutIommu() {
    return group() != null && group().kind() == IommuGroup.Kind.NO_IOMMU;
  }

  @Override
  public boolean isVirtualFunction() {
    return device.isVirtual();
  }

  @Override
  public String toString() {
    return device.name();
  }
}
