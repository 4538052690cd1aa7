// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

/** What a device is to the iommufd that it is bound to. */
interface IommufdBinding {
  /** What VFIO_DEVICE_BIND_IOMMUFD answers with. */
  int id();

  /**
   * To the object with this id.
   *
   * @param replace whether it is attached already
   * @return the id of what it is attached to
   */
  int attach(int ptId, boolean replace);

  void detach();

  /** The file of the device is closed. */
  void unbind();
}
