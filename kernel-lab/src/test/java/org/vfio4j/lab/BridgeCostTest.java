// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.lab.Memory.PAGE;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.AssignmentPolicy;
import org.vfio4j.bridge.CompatBridge;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.DmaSpace;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.group.uapi.VfioIommuType1DmaMap;
import org.vfio4j.group.uapi.VfioIommuType1DmaUnmap;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.memory.MappedMemory;

/**
 * What a map and an unmap of a page cost through the bridge, beside the same through {@link Ioas},
 * in guest instructions: it runs where the guest's clock counts them.
 *
 * <p>All ways are open at the same time, each with a device of its own, all alike, attached and
 * with nothing else mapped; they map the same page at the same IOVA. Each is warmed up until the
 * JVM has compiled it, then they take turns. The order of a round is reversed in the next, and in
 * the second run each way has the device that another one had.
 *
 * <p>The guest has one CPU, so that what the JVM compiles and collects meanwhile is counted in
 * somebody's turn, and when it does so differs from run to run. Hence the last {@link #ROUNDS}
 * rounds count, as soon as all ways held still in them; this asks how far the turns of a way lie
 * apart, never how the ways compare.
 */
@Tag("bridge-cost")
class BridgeCostTest {
  private static final String[] PLACES = {"0000:00:03.0", "0000:00:04.0", "0000:00:05.0"};
  private static final int PAIRS = 2_000;

  /** In turns of {@link #PAIRS}: 100,000 calls each. */
  private static final int WARM = 25;

  /** That count: half of them in each order. */
  private static final int ROUNDS = 10;

  /** After these it is given up that the ways hold still. */
  private static final int MOST_ROUNDS = 60;

  private static final long IOVA = 0x10_0000;
  private static final double MOST = 1.15;

  /** How far from the median a turn may be in which nothing is compiled any more. */
  private static final double STEADY = 0.02;

  /** Turns that may be farther: a last method was compiled, or the heap was collected. */
  private static final int DISTURBED = 2;

  private interface MapAndUnmap {
    void once();
  }

  /** A way to map and unmap, and what its turns cost per pair. */
  private static final class Way {
    private final String name;
    private final MapAndUnmap pair;

    /** Of the last {@link #ROUNDS} rounds. */
    private final double[] costs = new double[ROUNDS];

    Way(String name, MapAndUnmap pair) {
      this.name = name;
      this.pair = pair;
    }

    double turn() {
      long begun = System.nanoTime();
      for (int i = 0; i < PAIRS; i++) {
        pair.once();
      }
      return (double) (System.nanoTime() - begun) / PAIRS;
    }

    double median() {
      double[] sorted = costs.clone();
      Arrays.sort(sorted);
      return (sorted[(ROUNDS - 1) / 2] + sorted[ROUNDS / 2]) / 2;
    }

    long steadyTurns() {
      double median = median();
      return Arrays.stream(costs).filter(cost -> Math.abs(cost / median - 1) < STEADY).count();
    }

    boolean isSteady() {
      return steadyTurns() >= ROUNDS - DISTURBED;
    }

    @Override
    public String toString() {
      return name + ", instructions per pair " + Arrays.toString(costs);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aBridgedMapAndUnmapIsNearlyAsCheap(boolean swapped) {
    PciAddress[] places = Arrays.stream(PLACES).map(PciAddress::of).toArray(PciAddress[]::new);
    if (swapped) {
      Collections.reverse(Arrays.asList(places));
    }
    MappedMemory memory = Memory.pages(1);
    CompatBridge bridge = CompatBridge.over(Lab.KERNEL, AssignmentPolicy.STAGE_1);
    try (AssignedDevice direct = AssignedDevice.open(Lab.KERNEL, VfioMode.IOMMUFD, places[0]);
        RawContainer raw = new RawContainer(bridge, VfioMode.BRIDGE_TYPE1V2, places[1]);
        AssignedDevice typed = AssignedDevice.open(bridge, VfioMode.BRIDGE_TYPE1V2, places[2])) {
      Way ioas = new Way("Ioas", typed(direct.dma(), memory.address()));
      Way ioctl = new Way("ioctls on the bridge", raw(raw.ready(), memory.address()));
      Way type1 = new Way("Type1Iommu on the bridge", typed(typed.dma(), memory.address()));
      List<Way> ways = Arrays.asList(ioas, ioctl, type1);
      int rounds = measure(ways);
      System.out.printf(
          "map and unmap of a page, median of %d turns of %d, devices %s, the last of %d rounds:%n",
          ROUNDS, PAIRS, swapped ? "swapped" : "in order", rounds);
      for (Way way : ways) {
        System.out.printf(
            "  %-26s%6.0f instructions, %+.1f %% (%d of %d turns within %.0f %%)%n",
            way.name,
            way.median(),
            100 * (way.median() / ioas.median() - 1),
            way.steadyTurns(),
            ROUNDS,
            100 * STEADY);
      }
      assertThat(ways).allMatch(Way::isSteady, "is steady");
      assertThat(ioctl.median()).isLessThan(MOST * ioas.median());
      assertThat(type1.median()).isLessThan(MOST * ioas.median());
    } finally {
      Lab.KERNEL.munmap(memory);
    }
  }

  /** Returns after how many rounds the ways held still, or {@link #MOST_ROUNDS}. */
  private static int measure(List<Way> ways) {
    for (int turn = 0; turn < WARM; turn++) {
      ways.forEach(Way::turn);
    }
    int round = 0;
    while (round < ROUNDS || (round < MOST_ROUNDS && !ways.stream().allMatch(Way::isSteady))) {
      for (int i = 0; i < ways.size(); i++) {
        Way way = ways.get(round % 2 == 0 ? i : ways.size() - 1 - i);
        way.costs[round % ROUNDS] = way.turn();
      }
      round++;
    }
    return round;
  }

  private static MapAndUnmap typed(DmaSpace space, long va) {
    return () -> {
      check(space.tryMap(va, PAGE, IOVA, DmaAccess.READ_WRITE));
      check(space.tryUnmap(IOVA, PAGE));
    };
  }

  private static MapAndUnmap raw(RawContainer raw, long va) {
    int container = raw.container();
    VfioIommuType1DmaMap map =
        new VfioIommuType1DmaMap().flags(RawContainer.READ_WRITE).vaddr(va).iova(IOVA).size(PAGE);
    VfioIommuType1DmaUnmap unmap = new VfioIommuType1DmaUnmap().iova(IOVA).size(PAGE);
    return () -> {
      check(raw.kernel().ioctl(container, VfioGroupUapi.VFIO_IOMMU_MAP_DMA, map));
      check(raw.kernel().ioctl(container, VfioGroupUapi.VFIO_IOMMU_UNMAP_DMA, unmap));
    };
  }

  private static void check(long result) {
    if (result < 0) {
      throw new AssertionError(RawContainer.answer(result));
    }
  }
}
