// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.NavigableMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class MappingsTest {
  private static final long PAGE = 4096;
  private static final int MOST_BYTES_EACH = 200;

  private final Mappings mappings = new Mappings();

  @Test
  void agreesWithAnOrderedMap() {
    SplittableRandom random = new SplittableRandom(7);
    TreeMap<Long, Long> expected = new TreeMap<>(Long::compareUnsigned);
    for (int i = 0; i < 200_000; i++) {
      long iova = (random.nextInt(4000) - 2000) * PAGE;
      long size = (1 + random.nextInt(4)) * PAGE;
      long last = iova + size - 1;
      if (Long.compareUnsigned(last, iova) < 0) {
        continue;
      }
      boolean overlaps = overlaps(expected, iova, last);
      assertThat(mappings.overlaps(iova, last)).isEqualTo(overlaps);
      if (expected.containsKey(iova)) {
        assertThat(mappings.size(mappings.at(iova))).isEqualTo(expected.get(iova));
        mappings.remove(iova);
        expected.remove(iova);
      } else if (!overlaps) {
        mappings.add(iova, size);
        expected.put(iova, size);
      } else {
        assertThat(mappings.at(iova)).isEqualTo(Mappings.NONE);
      }
      assertThat(mappings.count()).isEqualTo(expected.size());
      if (i % 5000 == 0) {
        assertSame(expected);
      }
    }
    assertSame(expected);
  }

  private static boolean overlaps(NavigableMap<Long, Long> map, long iova, long last) {
    Map.Entry<Long, Long> below = map.floorEntry(last);
    return below != null && Long.compareUnsigned(below.getKey() + below.getValue() - 1, iova) >= 0;
  }

  private void assertSame(NavigableMap<Long, Long> expected) {
    int node = mappings.from(0);
    for (Map.Entry<Long, Long> entry : expected.entrySet()) {
      assertThat(mappings.iova(node)).isEqualTo(entry.getKey());
      assertThat(mappings.size(node)).isEqualTo(entry.getValue());
      node = mappings.next(node);
    }
    assertThat(node).isEqualTo(Mappings.NONE);
  }

  @Test
  void theVeryLastAddress() {
    mappings.add(-PAGE, PAGE);
    int node = mappings.from(-1);
    assertThat(mappings.last(node)).isEqualTo(-1);
    assertThat(mappings.next(node)).isEqualTo(Mappings.NONE);
    assertThat(mappings.overlaps(0, -1)).isTrue();
    mappings.clear();
    assertThat(mappings.overlaps(0, -1)).isFalse();
  }

  @Test
  void memoryGrowsWithTheMappings() {
    long before = 0;
    for (int count = 1000; count <= 64_000; count *= 2) {
      while (mappings.count() < count) {
        mappings.add(mappings.count() * (2 * PAGE), PAGE);
      }
      assertThat(mappings.footprint()).isLessThan((long) MOST_BYTES_EACH * count);
      assertThat(mappings.footprint()).isGreaterThan(before);
      before = mappings.footprint();
    }
    // What is removed and added again takes no more.
    for (int i = 0; i < 64_000; i++) {
      mappings.remove(i * (2 * PAGE));
      mappings.add(i * (2 * PAGE), PAGE);
    }
    assertThat(mappings.footprint()).isEqualTo(before);
  }
}
