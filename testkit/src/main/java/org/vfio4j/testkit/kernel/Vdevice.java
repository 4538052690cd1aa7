// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

/** A device as a guest knows it, behind its virtual IOMMU. */
final class Vdevice extends IommufdObject {
  private final Viommu viommu;
  private final IommufdDevice device;
  private final long virtualId;
  private final boolean tied;

  /**
   * @param tied whether it goes with its device; before, it kept the device
   */
  Vdevice(
      IommufdContext context, Viommu viommu, IommufdDevice device, long virtualId, boolean tied) {
    super(context);
    this.viommu = viommu;
    this.device = device;
    this.virtualId = virtualId;
    this.tied = tied;
    viommu.add(this);
    viommu.use();
    device.vdevice(this);
  }

  Viommu viommu() {
    return viommu;
  }

  IommufdDevice device() {
    return device;
  }

  long virtualId() {
    return virtualId;
  }

  /**
   * Its device is unbound: where it is tied it goes too, and leaves an id that is never used again.
   */
  void deviceLeaves() {
    if (tied) {
      context().remove(this);
      context().bury(id());
    }
  }

  @Override
  void destroyed() {
    viommu.remove(this);
    viommu.unuse();
    if (device.vdevice() == this) {
      device.vdevice(null);
    }
  }
}
