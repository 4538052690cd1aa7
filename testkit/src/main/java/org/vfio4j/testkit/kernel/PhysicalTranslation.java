// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.testkit.kernel.IovaSpace.Mapping;

/**
 * Of a device without an IOMMU: its addresses are those of the memory, of which it is shown what is
 * mapped for it.
 */
record PhysicalTranslation(Ioas ioas) implements Translation {
  @Override
  public Long toIova(long address, boolean write) {
    for (Mapping mapping : ioas.areas().all()) {
      long offset = address - mapping.pages().address() - mapping.pagesOffset();
      if (Long.compareUnsigned(offset, mapping.length()) < 0) {
        return mapping.start() + offset;
      }
    }
    return null;
  }

  @Override
  public Mapping find(long iova) {
    return ioas.areas().find(iova);
  }
}
