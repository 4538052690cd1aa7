// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

/**
 * Access of a driver of the kernel to an IOAS: how a mediated device is bound. There is no page
 * table of hardware; memory is looked up, and pinned, when it is used.
 *
 * <p>Source: {@code iommufd_access} in {@code drivers/iommu/iommufd/device.c}, where the checks are
 * in the same order.
 */
final class IommufdAccess extends IommufdObject implements IommufdBinding {
  private final MdevDevice device;
  private Ioas ioas;

  IommufdAccess(IommufdContext context, MdevDevice device) {
    super(context);
    this.device = device;
    // The driver of the device holds it until its file is closed.
    use();
  }

  /** An IOAS only: there is no page table to be in between. */
  @Override
  public int attach(int ptId, boolean replace) {
    Ioas wanted = context().ioas(ptId);
    if (wanted != ioas) {
      wanted.addAccess();
      wanted.use();
      leave();
      ioas = wanted;
      device.access(wanted.areas());
    }
    return ptId;
  }

  @Override
  public void detach() {
    leave();
  }

  private void leave() {
    if (ioas != null) {
      Ioas left = ioas;
      ioas = null;
      device.access(null);
      left.removeAccess();
      left.unuse();
    }
  }

  @Override
  public void unbind() {
    leave();
    unuse();
    context().remove(this);
  }

  @Override
  void destroyed() {}
}
