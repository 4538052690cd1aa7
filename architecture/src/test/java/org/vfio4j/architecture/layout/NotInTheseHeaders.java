// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.architecture.layout;

import java.util.Map;

/**
 * What the library has and the lab's kernel headers (6.12) do not: structs ({@code "struct tag"})
 * and numbers, each with the kernel that has it. Everything else that the headers lack is an error,
 * and so is an entry here that the headers do have.
 */
final class NotInTheseHeaders {
  static final Map<String, String> REASONS =
      Map.ofEntries(
          Map.entry("struct vfio_device_feature_dma_buf", "Linux 6.19"),
          Map.entry("struct vfio_region_dma_range", "Linux 6.19"),
          Map.entry("VFIO_DEVICE_FEATURE_DMA_BUF", "Linux 6.19"),
          Map.entry("VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2", "Linux 7.1"),
          Map.entry("VFIO_PRECOPY_INFO_REINIT", "Linux 7.1"));

  private NotInTheseHeaders() {}
}
