// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.ArrayList;
import java.util.List;

/**
 * Calls with their answers, one a line.
 *
 * @param lines with {@link #ARROW} between the two
 */
record Transcript(List<String> lines) {
  private static final String ARROW = " -> ";
  private static final int CONTEXT = 12;

  Transcript() {
    this(new ArrayList<>());
  }

  void add(String call, String answer) {
    lines.add(call + ARROW + answer);
  }

  private static String call(String line) {
    return line.substring(0, Math.max(0, line.lastIndexOf(ARROW)));
  }

  /**
   * The first difference, for a person; null when there is none.
   *
   * @param recorded what the other kernel answered
   */
  String difference(Transcript recorded) {
    int same = 0;
    int common = Math.min(lines.size(), recorded.lines.size());
    while (same < common && lines.get(same).equals(recorded.lines.get(same))) {
      same++;
    }
    if (same == lines.size() && same == recorded.lines.size()) {
      return null;
    }
    String now = same < lines.size() ? lines.get(same) : "(nothing)";
    String then = same < recorded.lines.size() ? recorded.lines.get(same) : "(nothing)";
    if (!call(now).equals(call(then))) {
      return "The calls are no longer those that were recorded. It is not known what the real"
          + " kernel answers to them; to record it: "
          + Recordings.AGAIN
          + "\n  call %d recorded: %s\n  call %d now:      %s".formatted(same, then, same, now);
    }
    StringBuilder text = new StringBuilder();
    text.append("call ").append(same).append(" is answered otherwise than recorded, after:\n");
    for (String line : lines.subList(Math.max(0, same - CONTEXT), same)) {
      text.append("  ").append(line).append('\n');
    }
    String answer = then.substring(call(then).length() + ARROW.length());
    String other = now.substring(call(now).length() + ARROW.length());
    text.append("  ").append(call(now)).append('\n');
    text.append("recorded of Linux 6.12: ").append(answer).append('\n');
    return text.append("now: ").append(other).toString();
  }
}
