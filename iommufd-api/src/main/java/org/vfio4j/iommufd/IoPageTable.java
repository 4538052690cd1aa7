// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

import org.vfio4j.linux.Lifetime;

/** What a device can be attached to: an {@link Ioas} or a hardware page table. */
public interface IoPageTable {
  PtId ptId();

  Iommufd iommufd();

  /** For a device that is attached: the kernel refuses to destroy what it is attached to. */
  Lifetime lifetime();
}
