// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

/**
 * The ways in which a device is handed to user space: those of Linux by the names that the kernel's
 * own tests have for them ({@code tools/testing/selftests/vfio}), and the two of the bridge.
 */
public enum VfioMode {
  /** Group, container, type1: Linux 3.6. Unmapping takes whole mappings only. */
  VFIO_TYPE1_IOMMU("vfio_type1_iommu"),
  /** Group, container, type1v2: Linux 3.15. */
  VFIO_TYPE1V2_IOMMU("vfio_type1v2_iommu"),
  /** Group and container calls as {@link #VFIO_TYPE1_IOMMU}, on an iommufd: Linux 6.2. */
  IOMMUFD_COMPAT_TYPE1("iommufd_compat_type1"),
  /** Group and container calls as {@link #VFIO_TYPE1V2_IOMMU}, on an iommufd: Linux 6.2. */
  IOMMUFD_COMPAT_TYPE1V2("iommufd_compat_type1v2"),
  /** The device node, bound to an iommufd: Linux 6.6. */
  IOMMUFD("iommufd"),
  /** Group and container calls as {@link #VFIO_TYPE1_IOMMU}, on a {@link CompatBridge}. */
  BRIDGE_TYPE1("bridge_type1"),
  /** Group and container calls as {@link #VFIO_TYPE1V2_IOMMU}, on a {@link CompatBridge}. */
  BRIDGE_TYPE1V2("bridge_type1v2");

  private final String id;

  VfioMode(String id) {
    this.id = id;
  }

  /** The name that people and the kernel's tests use: {@code vfio_type1v2_iommu}. */
  public String id() {
    return id;
  }

  /** Whether a {@link CompatBridge} makes it of device-centric calls. */
  public boolean isBridged() {
    return this == BRIDGE_TYPE1 || this == BRIDGE_TYPE1V2;
  }

  /** Whether the kernel's compatibility layer serves groups with an iommufd. */
  public boolean isCompat() {
    return this == IOMMUFD_COMPAT_TYPE1 || this == IOMMUFD_COMPAT_TYPE1V2;
  }

  /** All of them, oldest first. */
  public static List<VfioMode> all() {
    return List.of(values());
  }

  /**
   * The mode of this name.
   *
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT}) when there is none
   */
  public static VfioMode of(String id) {
    return Arrays.stream(values())
        .filter(mode -> mode.id.equals(id))
        .findFirst()
        .orElseThrow(
            () ->
                VfioException.failed(Reason.INVALID_ARGUMENT, "mode")
                    .on("'" + id + "'")
                    .fact("there is no such mode")
                    .hint(
                        "modes are "
                            + Arrays.stream(values())
                                .map(VfioMode::id)
                                .collect(Collectors.joining(", ")))
                    .build());
  }

  @Override
  public String toString() {
    return id;
  }
}
