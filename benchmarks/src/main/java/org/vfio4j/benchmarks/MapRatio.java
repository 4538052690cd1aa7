// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.benchmarks;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToLongFunction;
import org.vfio4j.benchmarks.FakeMapper.Way;
import org.vfio4j.bridge.VfioMode;

/**
 * Mapping and unmapping on the fake with 100 and with 100,000 live mappings, side by side: in turns
 * of some milliseconds, by the time that the thread was on a processor. So what else the machine
 * does hits both alike. Prints the median of the turns, of the fake's calls alone and of those that
 * a program makes by the library.
 *
 * <pre>{@code benchmarks/run --ratio}</pre>
 */
public final class MapRatio {
  private static final int TURNS = 300;
  private static final int WARM_UP = 150;
  private static final int PAIRS = 20_000;

  private MapRatio() {}

  public static void main(String[] args) {
    for (Way way : Way.values()) {
      for (VfioMode mode : List.of(VfioMode.IOMMUFD, VfioMode.VFIO_TYPE1V2_IOMMU)) {
        compare(way, mode, "in order", FakeMapBenchmark::inOrder);
        compare(way, mode, "at random", FakeMapBenchmark::atRandom);
      }
    }
  }

  private static void compare(
      Way way, VfioMode mode, String how, ToLongFunction<FakeMapBenchmark> pair) {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    FakeMapBenchmark[] sides = {side(way, mode, 100), side(way, mode, 100_000)};
    double[][] nanos = new double[sides.length][TURNS];
    for (int turn = -WARM_UP; turn < TURNS; turn++) {
      for (int side = 0; side < sides.length; side++) {
        long start = threads.getCurrentThreadCpuTime();
        long bytes = 0;
        for (int i = 0; i < PAIRS; i++) {
          bytes += pair.applyAsLong(sides[side]);
        }
        if (bytes != PAIRS * 4096L) {
          throw new IllegalStateException(bytes + " bytes were unmapped");
        }
        if (turn >= 0) {
          nanos[side][turn] = (threads.getCurrentThreadCpuTime() - start) / (double) PAIRS;
        }
      }
    }
    double few = median(nanos[0]);
    double many = median(nanos[1]);
    System.out.printf(
        "%-8s %-20s %-10s 100 live: %.0f ns, %,.0f pairs/s; 100,000 live: %.0f ns, %,.0f pairs/s; ratio %.2f%n",
        way, mode, how, few, 1e9 / few, many, 1e9 / many, many / few);
    for (FakeMapBenchmark side : sides) {
      side.tearDown();
    }
  }

  private static FakeMapBenchmark side(Way way, VfioMode mode, int live) {
    FakeMapBenchmark side = new FakeMapBenchmark();
    side.way = way;
    side.mode = mode;
    side.live = live;
    side.setUp();
    return side;
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
