// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.List;
import java.util.SplittableRandom;

/** Chance: the same for the same seed, on every machine and JDK. */
public final class Draw {
  private static final int ALL = 100;

  private final SplittableRandom random;
  private final long base;

  /**
   * @param base where most IOVAs are
   */
  Draw(long seed, long base) {
    random = new SplittableRandom(seed);
    this.base = base;
  }

  /** From where on IOVAs are mostly to be. */
  public long base() {
    return base;
  }

  /** True in {@code percent} of 100 cases. */
  public boolean chance(int percent) {
    return random.nextInt(ALL) < percent;
  }

  /** From 0 to {@code bound} - 1. */
  public int below(int bound) {
    return random.nextInt(bound);
  }

  public long bits() {
    return random.nextLong();
  }

  public int of(int... values) {
    return values[random.nextInt(values.length)];
  }

  public long of(long... values) {
    return values[random.nextInt(values.length)];
  }

  public <T> T of(List<T> values) {
    return values.get(random.nextInt(values.size()));
  }

  /** Mostly {@code usual}, else one of {@code others}. */
  public int mostly(int usual, int... others) {
    return chance(94) ? usual : of(others);
  }

  /** Mostly {@code usual}, else one of {@code others}. */
  public long mostly(long usual, long... others) {
    return chance(94) ? usual : of(others);
  }
}
