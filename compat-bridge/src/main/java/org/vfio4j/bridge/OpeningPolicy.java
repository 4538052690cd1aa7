// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** Which modes a device may be opened in, and which of them first. */
public enum OpeningPolicy {
  /**
   * By its group only: the kernel's own container first, then its compatibility, the bridge last.
   */
  GROUP_ONLY,
  /** By its own node where that is possible, else by its group. */
  PREFER_DEVICE,
  /** By its own node only. */
  DEVICE_ONLY;

  private static final List<VfioMode> GROUPS =
      List.of(
          VfioMode.VFIO_TYPE1V2_IOMMU,
          VfioMode.VFIO_TYPE1_IOMMU,
          VfioMode.IOMMUFD_COMPAT_TYPE1V2,
          VfioMode.IOMMUFD_COMPAT_TYPE1,
          VfioMode.BRIDGE_TYPE1V2,
          VfioMode.BRIDGE_TYPE1);

  private static final List<VfioMode> DEVICE = List.of(VfioMode.IOMMUFD);

  /** The modes that it allows, the most wanted first. */
  public List<VfioMode> order() {
    return switch (this) {
      case GROUP_ONLY -> GROUPS;
      case PREFER_DEVICE -> Stream.concat(DEVICE.stream(), GROUPS.stream()).toList();
      case DEVICE_ONLY -> DEVICE;
    };
  }

  /** The name in the environment: {@code prefer_device}. */
  public String id() {
    return name().toLowerCase(Locale.ROOT);
  }
}
