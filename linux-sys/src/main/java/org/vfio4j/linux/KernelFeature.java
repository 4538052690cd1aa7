// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import java.util.Optional;
import org.vfio4j.KernelNeeds;

/** Something that one kernel has and another has not, of which an open object can be asked. */
public interface KernelFeature {
  /** As in the kernel's headers: {@code IOMMU_IOAS_MAP_FILE}. */
  String kernelName();

  /** Which release brought it, for people; empty when that is not known. */
  default Optional<KernelNeeds> needs() {
    return KernelNeeds.of(kernelName());
  }
}
