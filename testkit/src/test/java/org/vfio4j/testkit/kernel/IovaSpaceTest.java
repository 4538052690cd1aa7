// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.vfio4j.testkit.kernel.IovaSpace.Mapping;

/** Against a tree that is as simple as can be. */
class IovaSpaceTest {
  private final IovaSpace space = new IovaSpace();
  private final TreeMap<Long, Mapping> tree = new TreeMap<>(Long::compareUnsigned);

  @Test
  void answersAsATreeDoes() {
    Random random = new Random(7);
    long range = 6000;
    // Across the middle, where signed numbers have their end.
    long base = Long.MIN_VALUE - range / 2;
    for (int step = 0; step < 60_000; step++) {
      long start = base + random.nextLong(range);
      long length = 1 + random.nextLong(4);
      boolean grow = step % 20_000 < 12_000;
      Mapping there = space.first(start, start + length - 1);
      assertThat(there).isSameAs(first(start, start + length - 1));
      assertThat(space.find(start)).isSameAs(find(start));
      if (there == null && grow) {
        Mapping mapping = new Mapping(start, length, true, null, 0);
        space.add(mapping);
        tree.put(start, mapping);
      } else if (there != null && !grow) {
        space.remove(there);
        tree.remove(there.start());
      }
      if (step % 10 == 0) {
        long wanted = 1 + random.nextLong(12);
        assertThat(space.hole(start, wanted)).as("step %d", step).isEqualTo(hole(start, wanted));
      }
      if (step % 5000 == 0) {
        assertThat(space.all()).containsExactlyElementsOf(tree.values());
      }
    }
    space.all().forEach(space::remove);
    assertThat(space.isEmpty()).isTrue();
  }

  @Test
  void holesAtTheEnds() {
    assertThat(space.hole(5, 1)).isEqualTo(5);
    space.add(new Mapping(0, 16, true, null, 0));
    assertThat(space.hole(0, 1 << 20)).isEqualTo(16);
    space.add(new Mapping(-16, 16, true, null, 0));
    assertThat(space.hole(0, -32)).isEqualTo(16);
    assertThat(space.hole(0, -31)).isEqualTo(-1);
    assertThat(space.hole(-20, 4)).isEqualTo(-20);
    assertThat(space.hole(-20, 5)).isEqualTo(-1);
  }

  private Mapping find(long iova) {
    Map.Entry<Long, Mapping> below = tree.floorEntry(iova);
    return below != null && Long.compareUnsigned(iova, below.getValue().last()) <= 0
        ? below.getValue()
        : null;
  }

  private Mapping first(long start, long last) {
    Mapping at = find(start);
    Map.Entry<Long, Mapping> next = tree.ceilingEntry(start);
    if (at != null || next == null) {
      return at;
    }
    return Long.compareUnsigned(next.getKey(), last) <= 0 ? next.getValue() : null;
  }

  private long hole(long start, long length) {
    long at = start;
    while (true) {
      Mapping taken = first(at, at + length - 1);
      if (taken == null) {
        return at;
      }
      at = taken.last() + 1;
    }
  }
}
