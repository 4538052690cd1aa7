// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.lab.Memory.PAGE;

import org.vfio4j.Errno;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.dma.DirtyBitmap;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.DmaSpace;
import org.vfio4j.group.Type1Iommu;
import org.vfio4j.memory.MappedMemory;

/** Dirty page logging of a container, and mappings that get another address. */
class DirtyPagesTest {
  private static final long IOVA = 0x10_0000;

  @EveryGroupMode
  void whatIsMappedIsDirty(VfioMode mode) {
    MappedMemory memory = Memory.pages(4);
    DirtyBitmap dirty = new DirtyBitmap(IOVA, 128 * PAGE, PAGE);
    try (AssignedDevice edu = Lab.openEdu(mode)) {
      DmaSpace dma = edu.dma();
      if (!(dma instanceof Type1Iommu space)) {
        return;
      }
      space.map(memory.address(), 4 * PAGE, IOVA + 70 * PAGE, DmaAccess.READ_WRITE);
      switch (mode) {
        case VFIO_TYPE1_IOMMU, BRIDGE_TYPE1 ->
            Refusal.of(Reason.NOT_SUPPORTED, Errno.EACCES, space::startDirtyLogging);
        case IOMMUFD_COMPAT_TYPE1, IOMMUFD_COMPAT_TYPE1V2 ->
            Refusal.of(Reason.NOT_IN_KERNEL, Errno.ENOTTY, space::startDirtyLogging);
        default -> {
          Refusal.of(Reason.INVALID_ARGUMENT, Errno.EINVAL, () -> space.readDirty(dirty));
          space.startDirtyLogging();
          space.startDirtyLogging();
          space.readDirty(dirty);
          assertThat(dirty.nextDirty(0)).isEqualTo(70);
          assertThat(dirty.nextClean(70)).isEqualTo(74);
          assertThat(dirty.nextDirty(74)).isEqualTo(-1);
          DirtyBitmap half = new DirtyBitmap(IOVA + 72 * PAGE, 2 * PAGE, PAGE);
          Refusal.of(Reason.INVALID_ARGUMENT, Errno.EINVAL, () -> space.readDirty(half));
          Refusal.of(Reason.INVALID_ARGUMENT, Errno.EINVAL, () -> space.unmap(half));
          dirty.clear();
          assertThat(space.unmap(dirty)).isEqualTo(4 * PAGE);
          assertThat(dirty.nextDirty(0)).isEqualTo(70);
          space.stopDirtyLogging();
        }
      }
    }
  }

  @EveryGroupMode
  void mappingsGetAnotherAddress(VfioMode mode) {
    MappedMemory memory = Memory.pages(2);
    try (AssignedDevice edu = Lab.openEdu(mode)) {
      DmaSpace dma = edu.dma();
      if (!(dma instanceof Type1Iommu space)) {
        return;
      }
      space.map(memory.address(), PAGE, IOVA, DmaAccess.READ_WRITE);
      if (Lab.needsIommufd(mode)) {
        Refusal.of(
            Reason.INVALID_ARGUMENT, Errno.EINVAL, () -> space.invalidateAddresses(IOVA, PAGE));
        return;
      }
      Refusal.of(
          Reason.INVALID_ARGUMENT,
          Errno.EINVAL,
          () -> space.updateAddress(memory.address(), PAGE, IOVA));
      assertThat(space.invalidateAddresses(IOVA, PAGE)).isEqualTo(PAGE);
      Refusal.of(
          Reason.INVALID_ARGUMENT, Errno.EINVAL, () -> space.invalidateAddresses(IOVA, PAGE));
      Refusal.of(
          Reason.INVALID_ARGUMENT,
          Errno.ENOENT,
          () -> space.updateAddress(memory.address(), PAGE, IOVA + PAGE));
      space.updateAddress(memory.address(), PAGE, IOVA);
      assertThat(space.unmap(IOVA, PAGE)).isEqualTo(PAGE);
    }
  }
}
