// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.lab.Memory.PAGE;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.AssignmentPolicy;
import org.vfio4j.bridge.CompatBridge;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1DmaMap;
import org.vfio4j.group.uapi.VfioIommuType1DmaUnmap;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.linux.Kernel;
import org.vfio4j.memory.MappedMemory;

/**
 * What a map and an unmap cost through the bridge, beside the same through {@link Ioas}, in guest
 * instructions: it runs where the guest's clock counts them.
 */
@Tag("bridge-cost")
class BridgeCostTest {
  private static final int WARM = 60_000;
  private static final int ROUNDS = 4_000;
  private static final int SAMPLES = 5;
  private static final long IOVA = 0x10_0000;
  private static final double MOST = 1.15;

  private interface MapAndUnmap {
    void once();
  }

  @Test
  void aBridgedMapAndUnmapIsNearlyAsCheap() {
    MappedMemory memory = Memory.pages(1);
    double direct;
    try (AssignedDevice edu = Lab.openEdu(VfioMode.IOMMUFD)) {
      Ioas ioas = (Ioas) edu.dma();
      direct =
          measure(
              () -> {
                check(ioas.tryMap(memory.address(), PAGE, IOVA, DmaAccess.READ_WRITE));
                check(ioas.tryUnmap(IOVA, PAGE));
              });
    }
    CompatBridge bridge = CompatBridge.over(Lab.KERNEL, AssignmentPolicy.STAGE_1);
    double bridged = bridged(bridge, VfioMode.BRIDGE_TYPE1V2, memory.address());
    System.out.printf(
        "map and unmap of a page: Ioas %.0f instructions, bridge %.0f: %+.1f %%%n",
        direct, bridged, 100 * (bridged / direct - 1));
    assertThat(bridged).isLessThan(MOST * direct);
  }

  private static double bridged(Kernel bridge, VfioMode mode, long va) {
    try (RawContainer raw = new RawContainer(bridge, mode, Lab.EDU)) {
      int container = raw.ready().container();
      VfioIommuType1DmaMap map =
          new VfioIommuType1DmaMap().flags(RawContainer.READ_WRITE).vaddr(va).iova(IOVA).size(PAGE);
      VfioIommuType1DmaUnmap unmap = new VfioIommuType1DmaUnmap().iova(IOVA).size(PAGE);
      return measure(
          () -> {
            check(bridge.ioctl(container, VfioGroupUapi.VFIO_IOMMU_MAP_DMA, map));
            check(bridge.ioctl(container, VfioGroupUapi.VFIO_IOMMU_UNMAP_DMA, unmap));
          });
    }
  }

  private static void check(long result) {
    if (result < 0) {
      throw new AssertionError(RawContainer.answer(result));
    }
  }

  /** The least of some samples: what else runs on the one processor is not to be counted. */
  private static double measure(MapAndUnmap work) {
    repeat(work, WARM);
    long least = Long.MAX_VALUE;
    for (int sample = 0; sample < SAMPLES; sample++) {
      long begun = System.nanoTime();
      repeat(work, ROUNDS);
      least = Math.min(least, System.nanoTime() - begun);
    }
    return (double) least / ROUNDS;
  }

  private static void repeat(MapAndUnmap work, int rounds) {
    for (int i = 0; i < rounds; i++) {
      work.once();
    }
  }
}
