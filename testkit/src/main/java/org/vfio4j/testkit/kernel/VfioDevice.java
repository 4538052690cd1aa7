// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;

/**
 * A device in the hands of a driver of VFIO: who has it open, and how.
 *
 * <p>Source: {@code drivers/vfio/vfio_main.c}, {@code iommufd.c} and {@code device_cdev.c}.
 */
final class VfioDevice {
  private final Core core;
  private final BusDevice device;
  private final VfioGroup group;
  private final int index;
  private final DeviceFeatures features;
  private int files;
  private int openCount;
  private VfioOps opened;
  private GroupFile usedGroup;
  private IommufdContext context;
  private IommufdBinding bound;
  private boolean attached;
  private boolean leaving;
  private boolean resetting;
  private boolean fromNode;
  private Runnable unused;

  VfioDevice(Core core, BusDevice device, VfioGroup group, int index) {
    this.core = core;
    this.device = device;
    this.group = group;
    this.index = index;
    this.features = new DeviceFeatures(core, device.model());
  }

  BusDevice device() {
    return device;
  }

  VfioGroup group() {
    return group;
  }

  /** The N of vfioN. */
  int index() {
    return index;
  }

  DeviceFeatures features() {
    return features;
  }

  /** While it is open. */
  VfioOps opened() {
    return opened;
  }

  void fileOpened() {
    KernelError.refuseIf(leaving, Errno.ENODEV);
    files++;
  }

  void fileClosed() {
    files--;
    core.gate().changed();
    if (files == 0 && unused != null) {
      unused.run();
    }
  }

  /** No more files from now on; who has one is asked to close it. */
  void leave() {
    leaving = true;
    if (opened != null) {
      opened.request();
    }
  }

  /** Whether the host waits for its users. */
  boolean isLeaving() {
    return leaving;
  }

  /** Does the reset. */
  void whileResetting(Runnable reset) {
    resetting = true;
    try {
      reset.run();
    } finally {
      resetting = false;
    }
  }

  boolean isOpenedFromNode() {
    return fromNode;
  }

  /** Of the iommufd that it is bound to; null for none. */
  IommufdContext context() {
    return context;
  }

  /** While it is bound to an iommufd. */
  int devId() {
    return bound.id();
  }

  /** Runs it now, or when the last file is closed. */
  void whenUnused(Runnable action) {
    if (files == 0) {
      action.run();
    } else {
      unused = action;
    }
  }

  /** VFIO_GROUP_GET_DEVICE_FD. The device may be open already. */
  void openFromGroup(IommufdContext iommufd, boolean privileged) {
    boolean first = openCount == 0;
    if (first && iommufd != null && group.isNoIommu()) {
      // iommufd_device_bind() had not heard of them, and wants coherent caches.
      KernelError.refuseIf(!core.version().hasNoIommuOnIommufd(), Errno.EINVAL);
      KernelError.refuseIf(!privileged || iommufd.hasCompat(), Errno.EPERM);
    }
    if (first) {
      firstOpen(iommufd, privileged);
      if (iommufd != null && !group.isNoIommu()) {
        try {
          attach(iommufd.compat().id());
        } catch (KernelError e) {
          openCount = 0;
          lastClose();
          throw e;
        }
      }
    }
    openCount++;
  }

  /** VFIO_DEVICE_BIND_IOMMUFD. */
  int openFromNode(IommufdContext iommufd) {
    KernelError.refuseIf(openCount != 0, Errno.EINVAL);
    fromNode = true;
    try {
      firstOpen(iommufd, true);
    } catch (KernelError e) {
      fromNode = false;
      throw e;
    }
    openCount = 1;
    return bound.id();
  }

  private void firstOpen(IommufdContext iommufd, boolean privileged) {
    if (iommufd == null) {
      usedGroup = group.useContainer(privileged);
    } else if (fromNode || !group.isNoIommu()) {
      bound = device.bind(iommufd);
      context = iommufd;
      context.hold();
    }
    try {
      opened = device.open(core);
    } catch (KernelError e) {
      unuse();
      throw e;
    }
    if (opened instanceof VfioPci) {
      // As variants of vfio-pci do; the samples of mediated devices go on where they were.
      features.reset();
    }
  }

  void close() {
    openCount--;
    if (openCount == 0) {
      lastClose();
    }
  }

  private void lastClose() {
    features.close();
    opened.close();
    opened = null;
    fromNode = false;
    unuse();
  }

  private void unuse() {
    if (usedGroup != null) {
      GroupFile file = usedGroup;
      usedGroup = null;
      group.unuseContainer(file);
    }
    if (bound != null) {
      bound.unbind();
      bound = null;
      attached = false;
      context.drop();
      context = null;
    }
  }

  /** To an IOAS or a page table of its iommufd; gives the id of the page table. */
  int attach(int ptId) {
    // pci_dev_reset_iommu_prepare(): the IOMMU lets nothing through meanwhile.
    KernelError.refuseIf(resetting && core.version().isAtLeast(7, 1), Errno.EBUSY);
    int id = bound.attach(ptId, attached);
    attached = true;
    return id;
  }

  void detach() {
    bound.detach();
    attached = false;
  }

  /** For a PASID of the device. */
  int attachPasid(int pasid, int ptId) {
    return bound.attachPasid(pasid, ptId);
  }

  void detachPasid(int pasid) {
    bound.detachPasid(pasid);
  }
}
