// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.Arrays;
import java.util.List;
import org.vfio4j.dma.IovaRange;

/** A device of the self-test, which exists for its IOMMU only, alone in a group. */
final class MockDevice implements Endpoint {
  static final int CACHE_SIZE = 4;
  private static final int CACHE_DEFAULT = 0xbaddad;

  private final MockDriver iommu;
  private final int flags;
  private final IommuGroup group = new IommuGroup(-1, IommuGroup.Kind.IOMMU);
  private final int[] cache = new int[CACHE_SIZE];

  MockDevice(MockDriver iommu, int flags) {
    this.iommu = iommu;
    this.flags = flags;
    Arrays.fill(cache, CACHE_DEFAULT);
  }

  int flags() {
    return flags;
  }

  /** What it keeps for its guest. */
  int[] cache() {
    return cache;
  }

  @Override
  public IommuGroup group() {
    return group;
  }

  @Override
  public IommuDriver iommu() {
    return iommu;
  }

  @Override
  public List<IovaRange> reserved() {
    return List.of();
  }

  @Override
  public boolean isVirtualFunction() {
    return false;
  }

  @Override
  public String toString() {
    return "iommufd_mock";
  }
}
