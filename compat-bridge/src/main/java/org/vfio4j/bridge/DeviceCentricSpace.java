// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.util.List;
import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.UnboundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.dma.DmaSpace;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.SysfsDevice;

/** An IOAS, with devices that are bound to its iommufd and attached to it. */
final class DeviceCentricSpace extends AssignedSpace {
  private final Iommufd iommufd;
  private final Ioas ioas;

  DeviceCentricSpace(Kernel kernel) {
    super(VfioMode.IOMMUFD);
    iommufd = Iommufd.open(kernel);
    try {
      ioas = iommufd.allocateIoas();
    } catch (RuntimeException e) {
      closeAfter(e, iommufd);
      throw e;
    }
  }

  @Override
  DmaSpace dma() {
    return ioas;
  }

  @Override
  VfioDevice openDevice(SysfsDevice device, DeviceCookie cookie) {
    try (UnboundDevice unbound = VfioCdev.find(device).open()) {
      BoundDevice bound = unbound.bind(iommufd, cookie);
      try {
        bound.attach(ioas);
        return bound;
      } catch (RuntimeException e) {
        closeAfter(e, bound);
        throw e;
      }
    }
  }

  @Override
  void closeSpace() {
    closeAll(List.of(ioas, iommufd));
  }
}
