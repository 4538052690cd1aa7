// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.dma;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class IovaAllocatorTest {
  private static final long PAGE = 4096;

  @Test
  void firstFitFromTheLowestUpAndNeverZero() {
    IovaAllocator iovas = new IovaAllocator(List.of(IovaRange.ALL), PAGE);
    assertThat(iovas.allocate(1)).isEqualTo(PAGE);
    assertThat(iovas.allocate(PAGE + 1)).isEqualTo(2 * PAGE);
    assertThat(iovas.allocate(PAGE)).isEqualTo(4 * PAGE);
    iovas.free(2 * PAGE, PAGE + 1);
    assertThat(iovas.allocate(3 * PAGE)).isEqualTo(5 * PAGE);
    assertThat(iovas.allocate(2 * PAGE)).isEqualTo(2 * PAGE);
  }

  @Test
  void usesTheTopOfTheSpaceAndNoMore() {
    long top = -2 * PAGE;
    IovaAllocator iovas = new IovaAllocator(List.of(new IovaRange(top, -1)), PAGE);
    assertThat(iovas.allocate(3 * PAGE)).isZero();
    assertThat(iovas.allocateAbove(-1, PAGE)).isZero();
    assertThat(iovas.allocateAbove(top + 1, PAGE)).isEqualTo(-PAGE);
    assertThat(iovas.allocate(PAGE)).isEqualTo(top);
    assertThat(iovas.allocate(1)).isZero();
    iovas.free(-PAGE, PAGE);
    iovas.free(top, PAGE);
    assertThat(iovas.allocate(2 * PAGE)).isEqualTo(top);
  }

  @Test
  void leavesWhatIsTooSmallOrUnaligned() {
    IovaAllocator iovas =
        new IovaAllocator(
            List.of(
                new IovaRange(0, 0),
                new IovaRange(1, PAGE - 1),
                new IovaRange(PAGE + 1, 3 * PAGE - 2),
                new IovaRange(-PAGE + 1, -1)),
            PAGE);
    assertThat(iovas.allocate(PAGE)).isZero();
    assertThat(iovas.allocate(0)).isZero();
    assertThat(iovas.allocate(-1)).isZero();
    assertThat(iovas.allocate(Long.MAX_VALUE)).isZero();
  }

  @Test
  void rangesThatTouchAreOne() {
    IovaAllocator iovas =
        new IovaAllocator(
            List.of(new IovaRange(PAGE, 2 * PAGE - 1), new IovaRange(2 * PAGE, 3 * PAGE - 1)),
            PAGE);
    assertThat(iovas.allocate(2 * PAGE)).isEqualTo(PAGE);
  }

  @Test
  void agreesWithAModelOnRandomCalls() {
    for (int seed = 0; seed < 200; seed++) {
      Random random = new Random(seed);
      List<IovaRange> allowed =
          List.of(new IovaRange(0, 20 * PAGE - 1), new IovaRange(22 * PAGE + 5, 64 * PAGE + 7));
      IovaAllocator iovas = new IovaAllocator(allowed, PAGE);
      Model model = new Model();
      for (int step = 0; step < 500; step++) {
        if (random.nextInt(5) < 3) {
          long length = 1L + random.nextInt((int) (6 * PAGE));
          long lowest = random.nextInt(3) == 0 ? random.nextInt((int) (70 * PAGE)) : 0;
          long expected = model.allocate(lowest, length);
          assertThat(iovas.allocateAbove(lowest, length))
              .as("seed %d step %d", seed, step)
              .isEqualTo(expected);
        } else if (!model.taken.isEmpty()) {
          List<Long> starts = new ArrayList<>(model.taken.keySet());
          long iova = starts.get(random.nextInt(starts.size()));
          iovas.free(iova, model.taken.remove(iova));
        }
      }
      model.taken.forEach(iovas::free);
      assertThat(iovas.allocate(19 * PAGE)).isEqualTo(PAGE);
      assertThat(iovas.allocate(41 * PAGE)).isEqualTo(23 * PAGE);
      assertThat(iovas.allocate(1)).isZero();
    }
  }

  /** Pages 1-19 and 23-63, one by one. */
  private static final class Model {
    final Map<Long, Long> taken = new TreeMap<>();

    long allocate(long lowest, long length) {
      long pages = (length + PAGE - 1) / PAGE;
      for (long page = Math.max(1, (lowest + PAGE - 1) / PAGE); page + pages <= 64; page++) {
        if (isFree(page, pages)) {
          taken.put(page * PAGE, length);
          return page * PAGE;
        }
      }
      return 0;
    }

    private boolean isFree(long page, long pages) {
      if (page < 23 && page + pages > 20) {
        return false;
      }
      for (Map.Entry<Long, Long> one : taken.entrySet()) {
        long start = one.getKey() / PAGE;
        long end = start + (one.getValue() + PAGE - 1) / PAGE;
        if (start < page + pages && page < end) {
          return false;
        }
      }
      return true;
    }
  }
}
