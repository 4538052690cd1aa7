// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** Against a tree that is as simple as can be. */
class SortedRangesTest {
  @Test
  void answersAsATreeDoes() {
    SortedRanges ranges = new SortedRanges();
    TreeMap<Long, Long> tree = new TreeMap<>(Long::compareUnsigned);
    Random random = new Random(11);
    // Across the middle, where signed numbers have their end.
    long base = Long.MIN_VALUE - 2000;
    for (int step = 0; step < 40_000; step++) {
      long start = base + random.nextLong(4000);
      if (step % 15_000 < 9000) {
        ranges.put(start, step);
        tree.put(start, (long) step);
      } else if (tree.remove(start) != null) {
        ranges.remove(start);
      }
      long from = base + random.nextLong(4000);
      long last = from + random.nextLong(8);
      Map.Entry<Long, Long> next = tree.ceilingEntry(from);
      boolean there = next != null && Long.compareUnsigned(next.getKey(), last) <= 0;
      assertThat(ranges.find(from, last)).isEqualTo(there);
      if (there) {
        assertThat(ranges.start()).isEqualTo(next.getKey());
        assertThat(ranges.length()).isEqualTo(next.getValue());
      }
    }
    while (ranges.find(0, -1)) {
      assertThat(tree.remove(ranges.start())).isEqualTo(ranges.length());
      ranges.remove(ranges.start());
    }
    assertThat(tree).isEmpty();
  }
}
