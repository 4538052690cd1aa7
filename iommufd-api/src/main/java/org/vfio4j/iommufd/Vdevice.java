// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

import org.vfio4j.linux.KernelObject;
import org.vfio4j.linux.Lifetime;

/**
 * A device as a guest knows it, behind its {@link Viommu}.
 *
 * <p>Close it before its device: until Linux 6.17 it keeps the device bound, since then it goes
 * with the device. Thread safe. Linux 6.13.
 */
public final class Vdevice extends KernelObject {
  private final int id;
  private final DevId device;
  private final long virtualId;

  Vdevice(int id, DevId device, long virtualId, Lifetime lifetime) {
    super(lifetime);
    this.id = id;
    this.device = device;
    this.virtualId = virtualId;
  }

  /** Its id inside its iommufd. */
  public int id() {
    return id;
  }

  public DevId device() {
    return device;
  }

  /** What the guest calls it. */
  public long virtualId() {
    return virtualId;
  }
}
