// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.util.HashSet;
import java.util.Set;

/**
 * What the devices of a container are attached to.
 *
 * <p>Guarded by its IOMMU.
 */
final class PageTables {
  private final DeviceCentric calls;
  private final int ioas;
  private final Set<BridgedGroup> withIommu = new HashSet<>();

  PageTables(DeviceCentric calls, int ioas) {
    this.calls = calls;
    this.ioas = ioas;
  }

  void attach(LegacyCall cause, BridgedDevice device) throws BridgeRefusal {
    calls.attach(cause, device.fd(), ioas);
    device.attached(ioas);
    if (device.group().isReal()) {
      withIommu.add(device.group());
    }
  }

  void detach(LegacyCall cause, BridgedDevice device) {
    if (device.pageTable() != 0) {
      calls.detach(cause, device.fd());
      device.attached(0);
      left(device.group());
    }
  }

  /** All devices of the group are closed. */
  void left(BridgedGroup group) {
    withIommu.remove(group);
  }

  /** Whether an IOMMU translates for a group, and not only the drivers of mediated devices. */
  boolean hasIommu() {
    return !withIommu.isEmpty();
  }

  /**
   * A bit for each page size: all that are multiples where no IOMMU has a say, as type1 has it; and
   * otherwise the smallest, which is all that an IOAS tells.
   */
  long pageSizes(long page) {
    return hasIommu() ? page : -page;
  }
}
