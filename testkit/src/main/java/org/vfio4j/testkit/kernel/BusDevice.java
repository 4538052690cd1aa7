// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

/** A device on a bus, in the hands of a driver of VFIO. */
interface BusDevice {
  /** As its bus calls it: the address of a PCI function, the UUID of a mediated device. */
  String name();

  /** Its folder in /sys. */
  String path();

  /** Whether VFIO_GROUP_GET_DEVICE_FD means this one; refuses what the driver does not take. */
  default boolean matches(String text) {
    return text.equals(name());
  }

  /** What it is: who knows more of it finds out by its type. */
  Object model();

  /** Its first user is here. */
  VfioOps open(Core core);

  /** VFIO_DEVICE_BIND_IOMMUFD, and a group that is in an iommufd. */
  IommufdBinding bind(IommufdContext context);
}
