// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

import java.util.List;
import java.util.OptionalInt;
import org.vfio4j.linux.Result;

/**
 * A driver that hands out shares of a device, its parent, as mediated devices.
 *
 * <p>The fake kernel calls it with one thread at a time. Each parent has a driver object of its
 * own.
 */
public interface MediatedDriver {
  /** The driver's name, and the first part of the names of its types' folders. */
  String name();

  /** {@code vfio-pci}, {@code vfio-ccw}, {@code vfio-ap} or {@code vfio-platform}. */
  default String deviceApi() {
    return "vfio-pci";
  }

  List<MediatedType> types();

  /**
   * How many more devices of a type there can be: {@code get_available} of the kernel. Empty where
   * the kernel is to count for the driver, up to {@link #maxInstances()} of all types.
   */
  default OptionalInt available(MediatedType type) {
    return OptionalInt.empty();
  }

  /** For the kernel to count to. */
  default int maxInstances() {
    return 1;
  }

  /**
   * Makes a device.
   *
   * @param uuid in lower case
   * @return failed with what the write to {@code create} is to fail with: ENOSPC is usual of
   *     drivers that count themselves and have nothing left
   */
  Result<MediatedModel> create(MediatedType type, String uuid);
}
