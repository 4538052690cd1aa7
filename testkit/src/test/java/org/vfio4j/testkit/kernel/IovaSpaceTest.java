// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vfio4j.testkit.kernel.IovaSpace.Mapping;

/** Against a tree that is as simple as can be. */
class IovaSpaceTest {
  private final IovaSpace space = new IovaSpace();
  private final TreeMap<Long, Mapping> tree = new TreeMap<>(Long::compareUnsigned);

  /** Where mappings begin and how long they are, of 6000 places. */
  private enum Shape {
    BYTES(1, 1),
    PAGES(4096, 4096),
    PAGES_OF_BYTES(4096, 1),
    /** So far apart that few places in a row can be told by 32 bits. */
    FAR(1L << 40, 4096),
    FAR_AND_LONG(1L << 45, 1L << 44),
    FAR_BYTES((1L << 30) + 1, 1);

    final long step;
    final long unit;

    Shape(long step, long unit) {
      this.step = step;
      this.unit = unit;
    }
  }

  @ParameterizedTest
  @EnumSource(Shape.class)
  void answersAsATreeDoes(Shape shape) {
    grow(shape.step, shape.unit, new Random(7));
  }

  /** What begins with pages and goes on with bytes, and the other way round. */
  @Test
  void bytesAmongPages() {
    for (int i = 0; i < 1000; i++) {
      long start = i * 8192L + (i % 7 == 3 ? 1 : 0);
      Mapping mapping = new Mapping(start, i % 5 == 2 ? 100 : 4096, true, null, 0);
      space.add(mapping);
      tree.put(start, mapping);
    }
    grow(4096, 1, new Random(8));
  }

  private void grow(long unit, long lengths, Random random) {
    long range = 6000;
    // Across the middle, where signed numbers have their end.
    long base = Long.MIN_VALUE - range / 2 * unit;
    for (int step = 0; step < 60_000; step++) {
      long start = base + random.nextLong(range) * unit;
      long length = (1 + random.nextLong(4)) * lengths;
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
        long wanted = (1 + random.nextLong(12)) * unit;
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
