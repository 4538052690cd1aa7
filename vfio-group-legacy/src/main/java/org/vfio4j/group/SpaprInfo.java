// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import java.util.Optional;
import org.vfio4j.group.uapi.VfioIommuSpaprTceDdwInfo;
import org.vfio4j.group.uapi.VfioIommuSpaprTceInfo;
import org.vfio4j.group.uapi.VfioSpaprUapi;

/**
 * What the IOMMU of a POWER server says of itself: VFIO_IOMMU_SPAPR_TCE_GET_INFO.
 *
 * @param windowStart where the default window of IOVAs begins, in bytes
 * @param windowSize of the default window, in bytes
 * @param dynamicWindows what windows can be made beside it (Linux 4.2, version 2)
 */
public record SpaprInfo(
    long windowStart, long windowSize, Optional<DynamicWindows> dynamicWindows) {

  /**
   * Windows of the program's own choice.
   *
   * @param pageSizes a bit for each page size, in bytes, that a window can have
   * @param max how many there can be
   * @param levels how many levels a window's table can have
   */
  public record DynamicWindows(long pageSizes, long max, long levels) {}

  static SpaprInfo of(VfioIommuSpaprTceInfo info) {
    boolean dynamic = (info.flags() & VfioSpaprUapi.VFIO_IOMMU_SPAPR_INFO_DDW) != 0;
    int ddw = VfioIommuSpaprTceInfo.DDW;
    return new SpaprInfo(
        Integer.toUnsignedLong(info.dma32WindowStart()),
        Integer.toUnsignedLong(info.dma32WindowSize()),
        dynamic
            ? Optional.of(
                new DynamicWindows(
                    info.getLong(ddw + VfioIommuSpaprTceDdwInfo.PGSIZES),
                    Integer.toUnsignedLong(
                        info.getInt(ddw + VfioIommuSpaprTceDdwInfo.MAX_DYNAMIC_WINDOWS_SUPPORTED)),
                    Integer.toUnsignedLong(info.getInt(ddw + VfioIommuSpaprTceDdwInfo.LEVELS))))
            : Optional.empty());
  }
}
