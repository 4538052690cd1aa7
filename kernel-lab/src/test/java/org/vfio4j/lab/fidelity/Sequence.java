// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.List;

/** The calls that a seed makes in a domain. Which ones depends on which of them succeed, too. */
final class Sequence {
  private static final int WITH_OPENING = 90;

  private final Domain domain;
  private final Draw draw;
  private final World world = new World();
  private final List<CallKind.Generator> opening;
  private final int[] weights;
  private int made;
  private Call last;

  Sequence(Domain domain, long seed) {
    this.domain = domain;
    draw = new Draw(seed, domain.base());
    opening = draw.chance(WITH_OPENING) ? domain.opening() : List.of();
    weights = new int[domain.kinds().size()];
  }

  World world() {
    return world;
  }

  /** The next call; {@link #answered} has to follow. */
  Call next() {
    last = made < opening.size() ? opening.get(made).next(draw, world) : null;
    made++;
    while (last == null || closesWhatIsKept(last)) {
      last = choose();
    }
    return last;
  }

  private boolean closesWhatIsKept(Call call) {
    Handle closed = call.closes();
    return closed != null && world.mustNotClose(closed);
  }

  /** What the last call returned, and where it was made. */
  void answered(long result, Lane lane) {
    if (result < 0) {
      return;
    }
    last.succeeded();
    for (Call.Out out : last.outs()) {
      if (out.isDescriptor() && !lane.hasDescriptor(out.handle())) {
        out.handle().end();
      }
    }
  }

  private Call choose() {
    int all = 0;
    for (int i = 0; i < weights.length; i++) {
      weights[i] = domain.kinds().get(i).weight().applyAsInt(world);
      all += weights[i];
    }
    int chosen = draw.below(all);
    for (int i = 0; i < weights.length; i++) {
      chosen -= weights[i];
      if (chosen < 0) {
        return domain.kinds().get(i).generator().next(draw, world);
      }
    }
    throw new IllegalStateException("no kind of call");
  }
}
