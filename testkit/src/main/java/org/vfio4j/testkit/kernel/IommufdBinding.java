// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;

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

  /**
   * For a PASID of the device; where there is something attached for it already, replaces it.
   *
   * @return the id of what it is attached to
   */
  default int attachPasid(int pasid, int ptId) {
    throw KernelError.of(Errno.EOPNOTSUPP);
  }

  /** Nothing happens where nothing is attached for it. */
  default void detachPasid(int pasid) {
    throw KernelError.of(Errno.EOPNOTSUPP);
  }

  /** The file of the device is closed. */
  void unbind();
}
