// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

/** A queue that hardware reads from memory of a guest, which stays mapped as long. */
final class HwQueue extends IommufdObject {
  private final Viommu viommu;
  private final int index;

  HwQueue(IommufdContext context, Viommu viommu, int index, long iova, long length) {
    super(context);
    this.viommu = viommu;
    this.index = index;
    Ioas ioas = viommu.parent().ioas();
    ioas.lock(this, iova & -UserMemory.PAGE, (iova + length - 1) | (UserMemory.PAGE - 1));
    try {
      viommu.iommu().addQueue(index);
    } catch (KernelError e) {
      ioas.unlock(this);
      throw e;
    }
    viommu.use();
  }

  @Override
  void destroyed() {
    viommu.iommu().removeQueue(index);
    viommu.parent().ioas().unlock(this);
    viommu.unuse();
  }
}
