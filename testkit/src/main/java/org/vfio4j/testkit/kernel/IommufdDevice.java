// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.List;
import org.vfio4j.Errno;

/**
 * A device that is bound to an iommufd.
 *
 * <p>Source: {@code drivers/iommu/iommufd/device.c}, where the checks are in the same order.
 */
final class IommufdDevice extends IommufdObject implements IommufdBinding {
  private final PciDevice device;
  private final IommufdGroup group;

  IommufdDevice(IommufdContext context, PciDevice device, IommufdGroup group) {
    super(context);
    this.device = device;
    this.group = group;
    // The driver of the device holds it until its file is closed.
    use();
  }

  PciDevice device() {
    return device;
  }

  private boolean isAttached() {
    return group.devices().contains(this);
  }

  /**
   * To an IOAS, through a page table that exists or is made, or to a page table.
   *
   * @param replace whether it is attached already
   * @return the id of the page table
   */
  @Override
  public int attach(int ptId, boolean replace) {
    IommufdObject target = context().find(ptId);
    KernelError.refuseIf(target == null, Errno.ENOENT);
    if (target instanceof Hwpt hwpt) {
      attach(hwpt, replace);
      return hwpt.id();
    }
    if (target instanceof Ioas ioas) {
      return attachAutomatic(ioas, replace);
    }
    throw KernelError.of(Errno.EINVAL);
  }

  private int attachAutomatic(Ioas ioas, boolean replace) {
    for (Hwpt hwpt : List.copyOf(ioas.hwpts())) {
      try {
        attach(hwpt, replace);
        return hwpt.id();
      } catch (KernelError e) {
        if (e.errno() != Errno.EINVAL) {
          throw e;
        }
        // It does not suit the device.
      }
    }
    Hwpt hwpt = new Hwpt(context(), ioas);
    context().add(hwpt);
    try {
      if (replace) {
        hwpt.fill();
        attach(hwpt, true);
      } else {
        attach(hwpt, false);
        try {
          hwpt.fill();
        } catch (KernelError e) {
          undo(hwpt);
          throw e;
        }
      }
    } catch (KernelError e) {
      context().remove(hwpt);
      throw e;
    }
    return hwpt.id();
  }

  private void attach(Hwpt hwpt, boolean replace) {
    if (replace) {
      replace(hwpt);
      return;
    }
    KernelError.refuseIf(group.hwpt() != null && group.hwpt() != hwpt, Errno.EINVAL);
    hwpt.ioas().reserve(context().reserved(), this);
    group.hwpt(hwpt);
    group.devices().add(this);
    hwpt.use();
  }

  /** Takes the whole group to another page table. */
  private void replace(Hwpt hwpt) {
    KernelError.refuseIf(!isAttached(), Errno.EINVAL);
    Hwpt old = group.hwpt();
    if (old == hwpt) {
      return;
    }
    if (old.ioas() != hwpt.ioas()) {
      // They reserve the same; so the first one tells for all.
      for (IommufdDevice sibling : group.devices()) {
        hwpt.ioas().reserve(context().reserved(), sibling);
      }
      group.devices().forEach(old.ioas()::unreserve);
    }
    for (IommufdDevice ignored : group.devices()) {
      hwpt.use();
      old.unuse();
    }
    group.hwpt(hwpt);
    destroyUnused(old);
  }

  @Override
  public void detach() {
    if (isAttached()) {
      Hwpt hwpt = group.hwpt();
      undo(hwpt);
      destroyUnused(hwpt);
    }
  }

  private void undo(Hwpt hwpt) {
    group.devices().remove(this);
    if (group.devices().isEmpty()) {
      group.hwpt(null);
    }
    hwpt.ioas().unreserve(this);
    hwpt.unuse();
  }

  private void destroyUnused(Hwpt hwpt) {
    if (!hwpt.isUsed()) {
      context().remove(hwpt);
    }
  }

  @Override
  public void unbind() {
    detach();
    unuse();
    context().remove(this);
    device.group().release();
  }

  @Override
  void destroyed() {}
}
