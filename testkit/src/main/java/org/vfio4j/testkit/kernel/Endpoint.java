// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.List;
import org.vfio4j.dma.IovaRange;

/** A device as the IOMMU in front of it, and an iommufd, see it: {@code struct device}. */
interface Endpoint {
  /** Null where no IOMMU is in front of it. */
  IommuGroup group();

  IommuDriver iommu();

  /** IOVAs that mean something else to it. */
  List<IovaRange> reserved();

  /** A function that another one made: its page requests are not its own. */
  boolean isVirtualFunction();
}
