// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.vfio4j.linux.Kernel;

/**
 * Makes sequences of calls on two kernels and compares what they answer.
 *
 * <p>A sequence depends on its domain, its seed and on what the first kernel answers. Afterwards
 * everything that it opened is closed, so that each begins in the same state; the second kernel is
 * a new one each time.
 */
public final class Differential {
  private final Domain domain;
  private final Kernel real;
  private final Supplier<Kernel> fakes;
  private final Tally tally = new Tally();

  public Differential(Domain domain, Kernel real, Supplier<Kernel> fakes) {
    this.domain = domain;
    this.real = real;
    this.fakes = fakes;
  }

  /** A sequence of {@code count} calls; what differs, shrunk. */
  public Optional<Difference> run(long seed, int count) {
    List<Call> calls = new ArrayList<>(count);
    String difference = generate(seed, count, calls);
    if (difference == null) {
      return Optional.empty();
    }
    List<Call> shortest = new Shrinker(this::repeat).shrink(calls);
    Found again = repeat(shortest);
    String what = again == null ? difference + ", but not when it is repeated" : again.what();
    return Optional.of(new Difference(domain, seed, shortest, what));
  }

  /** What was answered so far. */
  public Tally tally() {
    return tally;
  }

  private String generate(long seed, int count, List<Call> calls) {
    Sequence sequence = new Sequence(domain, seed);
    try (Lanes lanes = new Lanes(real, fakes.get(), sequence.world())) {
      for (int i = 0; i < count; i++) {
        Call call = sequence.next();
        calls.add(call);
        String difference = lanes.run(call);
        if (difference != null) {
          return difference;
        }
        tally.add(call, lanes.result());
        sequence.answered(lanes.result(), lanes.real());
      }
    }
    return null;
  }

  /**
   * A difference.
   *
   * @param call which call of the sequence answers differently
   */
  record Found(int call, String what) {}

  /** The first difference when exactly these calls are made; null when there is none. */
  private Found repeat(List<Call> calls) {
    try (Lanes lanes = new Lanes(real, fakes.get(), new World())) {
      for (int i = 0; i < calls.size(); i++) {
        String difference = lanes.run(calls.get(i));
        if (difference != null) {
          return new Found(i, difference);
        }
      }
    }
    return null;
  }
}
