// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

import java.util.List;
import java.util.Optional;

/**
 * Page faults that a device wants one answer to.
 *
 * @param cookie the kernel's name of the group until it is answered
 * @param device which device it was
 * @param deviceCookie what the program called the device when it bound it; empty when that was not
 *     done through this {@link Iommufd}
 * @param grpid the number that the device gave the group
 * @param faults at least one
 */
public record PageFaults(
    int cookie,
    DevId device,
    Optional<DeviceCookie> deviceCookie,
    int grpid,
    List<PageFault> faults) {
  public PageFaults {
    faults = List.copyOf(faults);
  }
}
