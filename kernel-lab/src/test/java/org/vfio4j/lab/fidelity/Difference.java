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
