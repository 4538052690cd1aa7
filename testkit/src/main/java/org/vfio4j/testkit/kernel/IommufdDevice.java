// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.List;
import java.util.TreeSet;
import org.vfio4j.Errno;

/**
 * A device that is bound to an iommufd.
 *
 * <p>Source: {@code drivers/iommu/iommufd/device.c}, where the checks are in the same order.
 */
final class IommufdDevice extends IommufdObject implements IommufdBinding {
  private final Endpoint endpoint;
  private final IommufdGroup group;
  private final TreeSet<Integer> pasids = new TreeSet<>();
  private Vdevice vdevice;
  private int faultUsers;

  IommufdDevice(IommufdContext context, Endpoint endpoint, IommufdGroup group) {
    super(context);
    this.endpoint = endpoint;
    this.group = group;
    // The driver of the device holds it until its file is closed.
    use();
  }

  Endpoint endpoint() {
    return endpoint;
  }

  /** What a guest knows it as; null for nothing. */
  Vdevice vdevice() {
    return vdevice;
  }

  void vdevice(Vdevice known) {
    vdevice = known;
  }

  private boolean isAttached(int pasid) {
    return group.devices(pasid).contains(this);
  }

  /** What is attached for a PASID, or without one; null for nothing. */
  Attachment attachment(int pasid) {
    return group.attachment(pasid);
  }

  /**
   * To an IOAS, through a page table that exists or is made, or to a page table.
   *
   * @param replace whether it is attached already
   * @return the id of the page table
   */
  @Override
  public int attach(int ptId, boolean replace) {
    return attach(IommufdGroup.NO_PASID, ptId, replace);
  }

  private int attach(int pasid, int ptId, boolean replace) {
    IommufdObject target = context().find(ptId);
    KernelError.refuseIf(target == null, Errno.ENOENT);
    if (target instanceof Hwpt hwpt) {
      attach(pasid, hwpt, replace);
      return hwpt.id();
    }
    if (target instanceof Ioas ioas) {
      return attachAutomatic(pasid, ioas, replace);
    }
    throw KernelError.of(Errno.EINVAL);
  }

  private int attachAutomatic(int pasid, Ioas ioas, boolean replace) {
    for (PagingHwpt hwpt : List.copyOf(ioas.hwpts())) {
      if (!hwpt.isAutomatic()) {
        continue;
      }
      try {
        attach(pasid, hwpt, replace);
        return hwpt.id();
      } catch (KernelError e) {
        if (e.errno() != Errno.EINVAL) {
          throw e;
        }
        // It does not suit the device.
      }
    }
    PagingHwpt hwpt = context().makePaging(ioas, endpoint, 0, null);
    try {
      if (replace) {
        hwpt.fill();
        attach(pasid, hwpt, true);
      } else {
        attach(pasid, hwpt, false);
        try {
          hwpt.fill();
        } catch (KernelError e) {
          undo(pasid);
          throw e;
        }
      }
    } catch (KernelError e) {
      context().remove(hwpt);
      throw e;
    }
    hwpt.automatic();
    return hwpt.id();
  }

  private void attach(int pasid, Hwpt hwpt, boolean replace) {
    if (replace) {
      replace(pasid, hwpt);
      return;
    }
    KernelError.refuseIf(isAttached(pasid), Errno.EBUSY);
    Hwpt current = group.hwpt(pasid);
    KernelError.refuseIf(current != null && current != hwpt, Errno.EINVAL);
    Ioas ioas = hwpt.paging().ioas();
    if (pasid == IommufdGroup.NO_PASID) {
      ioas.reserve(endpoint.reserved(), this);
    }
    if (current == null) {
      try {
        checkPasid(pasid, hwpt);
        attachDomain(hwpt, null);
      } catch (KernelError e) {
        if (pasid == IommufdGroup.NO_PASID) {
          ioas.unreserve(this);
        }
        throw e;
      }
      group.attach(pasid, new Attachment(this, hwpt));
    }
    group.add(this, pasid);
    hwpt.use();
  }

  /** iommufd_hwpt_pasid_compat(). */
  private void checkPasid(int pasid, Hwpt hwpt) {
    if (pasid == IommufdGroup.NO_PASID) {
      KernelError.refuseIf(group.hasPasids() && !hwpt.isPasidCompat(), Errno.EINVAL);
      return;
    }
    Hwpt without = group.hwpt(IommufdGroup.NO_PASID);
    boolean wrong = !hwpt.isPasidCompat() || (without != null && !without.isPasidCompat());
    KernelError.refuseIf(wrong, Errno.EINVAL);
    int bits = endpoint.iommu().pasidBits(endpoint);
    KernelError.refuseIf(bits == 0, Errno.EOPNOTSUPP);
    KernelError.refuseIf(Integer.compareUnsigned(pasid, 1 << bits) >= 0, Errno.EINVAL);
  }

  /** The IOMMU's part of it, with page faults on or off as the page table needs. */
  private void attachDomain(Hwpt hwpt, Hwpt old) {
    boolean on = hwpt.faults() != null && (old == null || old.faults() == null);
    if (on) {
      enableFaults();
    }
    try {
      boolean foreign = hwpt.domain().owner() != endpoint.iommu();
      KernelError.refuseIf(foreign, Errno.EINVAL);
      endpoint.iommu().attach(endpoint, hwpt.domain());
    } catch (KernelError e) {
      if (on) {
        disableFaults();
      }
      throw e;
    }
  }

  private void enableFaults() {
    KernelError.refuseIf(endpoint.isVirtualFunction(), Errno.EINVAL);
    if (faultUsers == 0) {
      endpoint.iommu().enableFaults(endpoint);
    }
    faultUsers++;
  }

  private void disableFaults() {
    faultUsers--;
    if (faultUsers == 0) {
      endpoint.iommu().disableFaults(endpoint);
    }
  }

  /** Takes the whole group to another page table. */
  private void replace(int pasid, Hwpt hwpt) {
    KernelError.refuseIf(!isAttached(pasid), Errno.EINVAL);
    Attachment before = group.attachment(pasid);
    Hwpt old = before.hwpt();
    if (old == hwpt) {
      return;
    }
    List<IommufdDevice> devices = group.devices(pasid);
    Ioas ioas = hwpt.paging().ioas();
    Ioas oldIoas = old.paging().ioas();
    boolean moves = oldIoas != ioas && pasid == IommufdGroup.NO_PASID;
    try {
      if (moves) {
        // They reserve the same; so the first one tells for all.
        devices.forEach(sibling -> ioas.reserve(endpoint.reserved(), sibling));
      }
      checkPasid(pasid, hwpt);
      attachDomain(hwpt, old);
    } catch (KernelError e) {
      if (pasid == IommufdGroup.NO_PASID) {
        // Of the same IOAS too, where they are attached and keep nothing reserved from here on.
        devices.forEach(ioas::unreserve);
      }
      throw e;
    }
    endFaults(before, hwpt);
    if (moves) {
      devices.forEach(oldIoas::unreserve);
    }
    group.attach(pasid, new Attachment(this, hwpt));
    for (int i = 0; i < devices.size(); i++) {
      hwpt.use();
      old.unuse();
    }
    destroyUnused(old);
  }

  /** {@code next} is null for nothing. */
  private void endFaults(Attachment ended, Hwpt next) {
    if (ended.hwpt().faults() != null) {
      ended.hwpt().faults().refuseAll(ended);
      if (next == null || next.faults() == null) {
        ended.device().disableFaults();
      }
    }
  }

  @Override
  public void detach() {
    detach(IommufdGroup.NO_PASID);
  }

  private void detach(int pasid) {
    if (isAttached(pasid)) {
      destroyUnused(undo(pasid));
    }
  }

  /** Gives what it was attached to. */
  private Hwpt undo(int pasid) {
    Attachment ended = group.attachment(pasid);
    if (group.remove(this, pasid)) {
      endFaults(ended, null);
    }
    if (pasid == IommufdGroup.NO_PASID) {
      ended.hwpt().paging().ioas().unreserve(this);
    }
    ended.hwpt().unuse();
    return ended.hwpt();
  }

  private void destroyUnused(Hwpt hwpt) {
    if (hwpt instanceof PagingHwpt paging && paging.isAutomatic() && !hwpt.isUsed()) {
      context().remove(hwpt);
    }
  }

  /** For a PASID of the device: attached, or taken elsewhere. */
  @Override
  public int attachPasid(int pasid, int ptId) {
    boolean replace = pasids.contains(pasid);
    KernelError.refuseIf(!replace && pasid < 0, Errno.ENOSPC);
    int id = attach(pasid, ptId, replace);
    pasids.add(pasid);
    return id;
  }

  @Override
  public void detachPasid(int pasid) {
    if (pasids.remove(pasid)) {
      detach(pasid);
    }
  }

  @Override
  public void unbind() {
    List.copyOf(pasids).forEach(this::detachPasid);
    detach();
    if (vdevice != null) {
      vdevice.deviceLeaves();
    }
    unuse();
    context().remove(this);
    context().leave(endpoint.group());
    endpoint.group().release();
  }

  @Override
  void destroyed() {}
}
