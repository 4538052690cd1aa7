// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.Map;
import java.util.TreeMap;

/** How often which call was answered how: what sequences have reached. */
public final class Tally {
  private final Map<String, Map<String, Integer>> answers = new TreeMap<>();

  void add(Call call, long result) {
    String answer = result > 0 ? "positive" : Call.result(result);
    answers.computeIfAbsent(call.name(), name -> new TreeMap<>()).merge(answer, 1, Integer::sum);
  }

  /** One line for each call: its name, and each answer with its number. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    answers.forEach(
        (name, counts) -> {
          text.append("  ").append(name).append(':');
          counts.forEach(
              (answer, count) -> text.append(' ').append(answer).append(" ×").append(count));
          text.append('\n');
        });
    return text.toString().replace("-1 E", "E");
  }
}
