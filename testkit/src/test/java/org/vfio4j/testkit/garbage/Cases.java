// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.garbage;

import static org.assertj.core.api.Assertions.fail;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.Collectors;
import org.vfio4j.VfioException;

/**
 * Runs cases that are made at random, each from the seed and its own number, so that one that fails
 * can be repeated alone; and notices one that does not end.
 *
 * <p>{@code -Duapi.calls=} says how many, {@code -Duapi.seed=} from which seed, {@code
 * -Duapi.first=} from which number on.
 */
final class Cases {
  private static final long CALLS = Long.getLong("uapi.calls", 20_000);
  private static final long SEED = Long.getLong("uapi.seed", new Random().nextLong());
  private static final long FIRST = Long.getLong("uapi.first", 0);
  private static final long PATIENCE_MILLIS = 20_000;

  private volatile long underway = FIRST;
  private volatile Throwable failure;

  private final String what;

  /** Cases build on those before them, from each multiple of this on. */
  private final long chapter;

  private Cases(String what, long chapter) {
    this.what = what;
    this.chapter = chapter;
  }

  /** What one case does. */
  @FunctionalInterface
  interface Case {
    /** May throw {@link VfioException}, and nothing else. */
    void run(long number, Random random);
  }

  /**
   * Runs them all, on a thread of their own.
   *
   * @param chapter how many cases, from each multiple of this number on, build on each other
   */
  static void run(String what, long chapter, Case each) throws InterruptedException {
    new Cases(what, chapter).runAll(each);
  }

  private void runAll(Case each) throws InterruptedException {
    Thread worker = new Thread(() -> work(each), what);
    worker.setDaemon(true);
    worker.start();
    long last = -1;
    long since = System.nanoTime();
    while (worker.isAlive()) {
      worker.join(200);
      if (underway != last) {
        last = underway;
        since = System.nanoTime();
      } else if (System.nanoTime() - since > PATIENCE_MILLIS * 1_000_000) {
        String stack =
            Arrays.stream(worker.getStackTrace())
                .map(frame -> "\n    at " + frame)
                .collect(Collectors.joining());
        fail("it does not end: " + which() + stack);
      }
    }
    if (failure != null) {
      fail(which(), failure);
    }
  }

  private void work(Case each) {
    try {
      for (long number = FIRST; number - FIRST < CALLS; number++) {
        underway = number;
        try {
          each.run(number, new Random(SEED * 31 + number));
        } catch (VfioException e) {
          // The one that is documented.
        }
      }
    } catch (RuntimeException | Error e) {
      failure = e;
    }
  }

  private String which() {
    long first = underway - underway % chapter;
    return what
        + ", case "
        + underway
        + ": ./check --only uapi --seed "
        + SEED
        + " --first "
        + first
        + " --calls "
        + (underway - first + 1);
  }
}
