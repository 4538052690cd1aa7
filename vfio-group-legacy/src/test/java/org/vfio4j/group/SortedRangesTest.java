// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Against a tree that is as simple as can be. */
class SortedRangesTest {
  private static final long PAGE = 4096;

  /**
   * @param step between places: with 2^40, few of them in a row can be told by 32 bits
   * @param unit of lengths: those of bytes, and those of more than 2^32 pages, are told otherwise
   */
  @ParameterizedTest
  @CsvSource({"12, 12", "12, 0", "40, 12", "50, 46"})
  void answersAsATreeDoes(int step, int unit) {
    SortedRanges ranges = new SortedRanges();
    TreeMap<Long, Long> tree = new TreeMap<>(Long::compareUnsigned);
    Random random = new Random(11);
    // Across the middle, where signed numbers have their end.
    long base = Long.MIN_VALUE - (2000L << step);
    for (int i = 0; i < 40_000; i++) {
      long start = base + (random.nextLong(4000) << step);
      if (i % 15_000 < 9000) {
        long length = random.nextInt(5) == 0 ? i : (long) i << unit;
        ranges.put(start, length);
        tree.put(start, length);
      } else if (tree.remove(start) != null) {
        assertThat(ranges.find(start, start)).isTrue();
        ranges.removeFound();
      }
      long from = base + (random.nextLong(4000) << step) + random.nextLong(2);
      long last = from + (random.nextLong(8) << step);
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
      ranges.removeFound();
    }
    assertThat(tree).isEmpty();
  }

  /** From the top down, as some allocators go. */
  @Test
  void descending() {
    SortedRanges ranges = new SortedRanges();
    for (long i = 1000; i > 0; i--) {
      ranges.put(i * PAGE, PAGE);
    }
    for (long i = 1; i <= 1000; i++) {
      assertThat(ranges.find(0, -1)).isTrue();
      assertThat(ranges.start()).isEqualTo(i * PAGE);
      assertThat(ranges.length()).isEqualTo(PAGE);
      ranges.removeFound();
    }
    assertThat(ranges.find(0, -1)).isFalse();
  }
}
