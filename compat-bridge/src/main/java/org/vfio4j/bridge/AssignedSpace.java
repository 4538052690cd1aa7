// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.util.List;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.dma.DmaSpace;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.KernelObject;
import org.vfio4j.linux.SysfsDevice;

/** An address space and the devices opened in it, in one {@link VfioMode}. Thread safe. */
abstract class AssignedSpace {
  private final VfioMode mode;
  private int devices;

  AssignedSpace(VfioMode mode) {
    this.mode = mode;
  }

  static AssignedSpace create(Kernel kernel, VfioMode mode) {
    return switch (mode) {
      case IOMMUFD -> new DeviceCentricSpace(kernel);
      case VFIO_TYPE1_IOMMU, VFIO_TYPE1V2_IOMMU, IOMMUFD_COMPAT_TYPE1, IOMMUFD_COMPAT_TYPE1V2 ->
          new GroupCentricSpace(kernel, mode);
      case BRIDGE_TYPE1, BRIDGE_TYPE1V2 -> new GroupCentricSpace(bridge(kernel), mode);
    };
  }

  /** The bridge that the caller has put there, or one that takes all devices. */
  private static Kernel bridge(Kernel kernel) {
    return kernel instanceof CompatBridge
        ? kernel
        : CompatBridge.over(kernel, AssignmentPolicy.STAGE_2);
  }

  final VfioMode mode() {
    return mode;
  }

  final synchronized VfioDevice open(SysfsDevice device, DeviceCookie cookie) {
    VfioDevice opened = openDevice(device, cookie);
    devices++;
    return opened;
  }

  final synchronized void deviceClosed() {
    devices--;
    closeEmpty();
  }

  /** Closes the space when no device is open in it. */
  final synchronized void closeEmpty() {
    if (devices == 0) {
      closeSpace();
    }
  }

  /** Closes all of them, whatever fails; the first failure is thrown. */
  static void closeAll(List<? extends KernelObject> objects) {
    RuntimeException failure = null;
    for (KernelObject object : objects) {
      try {
        object.close();
      } catch (RuntimeException e) {
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  /** Closes what is of no use after a failure, which stays the one that is told. */
  static void closeAfter(RuntimeException failure, KernelObject object) {
    try {
      object.close();
    } catch (RuntimeException e) {
      failure.addSuppressed(e);
    }
  }

  /** There once the first device is open. */
  abstract DmaSpace dma();

  abstract VfioDevice openDevice(SysfsDevice device, DeviceCookie cookie);

  abstract void closeSpace();
}
