// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * Leaves out of a sequence what is not needed for its difference: first large parts, then smaller
 * ones, then single calls, until none can be spared (delta debugging).
 */
final class Shrinker {
  private static final int MOST_TRIES = 2000;

  private final Function<List<Call>, Differential.Found> differs;
  private int tries;

  /**
   * @param differs gives null for a sequence without a difference
   */
  Shrinker(Function<List<Call>, Differential.Found> differs) {
    this.differs = differs;
  }

  /** The last call of {@code calls} is the one that differs; so is that of the result. */
  List<Call> shrink(List<Call> calls) {
    List<Call> shortest = calls;
    int part = Math.max(1, (calls.size() - 1) / 2);
    while (tries < MOST_TRIES) {
      List<Call> shorter = withoutParts(shortest, part);
      boolean progress = shorter.size() < shortest.size();
      shortest = shorter;
      if (part == 1 && !progress) {
        break;
      }
      part = Math.max(1, part / 2);
    }
    return shortest;
  }

  /** Tries without each part of this length, the latest first. */
  private List<Call> withoutParts(List<Call> calls, int part) {
    List<Call> left = calls;
    for (int end = left.size() - 1; end > 0 && tries < MOST_TRIES; end -= part) {
      int start = Math.max(0, end - part);
      List<Call> without = new ArrayList<>(left.subList(0, start));
      without.addAll(left.subList(Math.min(end, left.size() - 1), left.size()));
      tries++;
      Differential.Found found = differs.apply(without);
      if (found != null) {
        left = without.subList(0, found.call() + 1);
        end = Math.min(end, left.size());
      }
    }
    return left;
  }
}
