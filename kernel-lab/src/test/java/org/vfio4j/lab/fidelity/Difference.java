// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.List;

/**
 * Where two kernels differ.
 *
 * @param calls the shortest sequence found that shows it
 * @param what how the two answers to the last call differ
 */
public record Difference(Domain domain, long seed, List<Call> calls, String what) {
  /** The same for differences that are likely to be the same. */
  String kind() {
    return calls.get(calls.size() - 1).name() + ": " + what.replaceAll("[0-9a-fx]{3,}", "N");
  }

  /** What a person needs to repeat and to understand it. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    text.append("domain ").append(domain.name()).append(", seed ").append(seed).append(":\n");
    for (Call call : calls) {
      text.append("  ").append(call).append('\n');
    }
    return text.append("  -> ").append(what).toString();
  }
}
