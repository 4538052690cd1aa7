// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.HexFormat;

/**
 * What a kernel answered, as one line: the result, the errno, and each field and each run of bytes
 * that it wrote. Descriptors are no more than "fd", as every machine has others.
 */
final class Answer {
  private static final HexFormat HEX = HexFormat.of();
  private static final int GAP = Long.BYTES;

  private final Lane lane;
  private final Call call;
  private byte[] before;
  private byte[] after;
  private final StringBuilder text = new StringBuilder();

  private Answer(Lane lane, Call call) {
    this.lane = lane;
    this.call = call;
  }

  /**
   * Makes the call.
   *
   * @return its result
   */
  static long to(Call call, Lane lane, Transcript transcript) {
    Answer answer = new Answer(lane, call);
    lane.fill(call);
    answer.before = lane.arena().get(0, call.used());
    long result = lane.make(call);
    answer.after = lane.arena().get(0, call.used());
    transcript.add(call.toString(), answer.describe(result));
    return result;
  }

  private String describe(long result) {
    text.append(call.makesDescriptor() && result >= 0 ? "fd" : Call.result(result));
    for (Call.Out out : call.outs()) {
      if (out.offset() >= 0 && result >= 0) {
        long value = lane.read(out.offset(), out.width());
        text.append(", ").append(out.handle()).append('=');
        text.append(out.isDescriptor() && value >= 0 ? "fd" : Argument.text(value));
        explained(out.offset(), out.width());
      }
    }
    for (Call.Field field : call.fields()) {
      if (differs(field.offset(), field.width())) {
        long value = lane.read(field.offset(), field.width());
        text.append(", ").append(field.name()).append('=').append(Argument.text(value));
        explained(field.offset(), field.width());
      }
    }
    for (int at = 0; at < after.length; at++) {
      if (before[at] != after[at]) {
        int end = endOfRun(at);
        text.append(", @").append(at).append('=').append(HEX.formatHex(after, at, end));
        at = end;
      }
    }
    return text.toString();
  }

  /** Behind the last byte that was written, with not many in between that are as before. */
  private int endOfRun(int from) {
    int end = from + 1;
    for (int at = end; at < after.length && at < end + GAP; at++) {
      if (before[at] != after[at]) {
        end = at + 1;
      }
    }
    return end;
  }

  private boolean differs(int from, int count) {
    boolean differs = false;
    for (int at = from; at < from + count; at++) {
      differs |= before[at] != after[at];
    }
    return differs;
  }

  private void explained(int from, int count) {
    System.arraycopy(after, from, before, from, count);
  }
}
