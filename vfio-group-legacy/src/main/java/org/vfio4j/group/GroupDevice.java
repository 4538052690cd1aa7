// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import org.vfio4j.device.VfioDevice;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Lifetime;

/**
 * A device that a group gave: the group, and so its container, stays until the device is closed.
 */
final class GroupDevice extends VfioDevice {
  GroupDevice(Kernel kernel, int fd, String name, Membership membership, Lifetime group) {
    super(kernel, fd, name, membership::deviceClosed, group);
  }
}
