// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.function.ToIntFunction;

/**
 * One way to make a call.
 *
 * @param weight how often, beside those of the other kinds, in the state that the sequence is in; 0
 *     for not at all
 * @param generator makes the call; null where there is nothing to make it of
 */
public record CallKind(ToIntFunction<World> weight, Generator generator) {
  /** Makes a call of what there is. All that is random must come from {@code draw}. */
  public interface Generator {
    Call next(Draw draw, World world);
  }

  /** With the same weight in every state. */
  public static CallKind of(int weight, Generator generator) {
    return new CallKind(world -> weight, generator);
  }

  /** With a weight for the state in which it is missing, and one for afterwards. */
  public static CallKind of(int missing, int there, String kind, Generator generator) {
    return new CallKind(world -> world.has(kind) ? there : missing, generator);
  }
}
