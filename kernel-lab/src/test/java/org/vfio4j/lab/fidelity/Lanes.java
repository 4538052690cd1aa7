// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.StringJoiner;
import org.vfio4j.linux.Kernel;

/** Two kernels side by side, and memory that is at the same address in both. */
final class Lanes implements AutoCloseable {
  private final Lane real;
  private final Lane fake;
  private final UserMemory memory;
  private long realResult;

  /**
   * Memory comes from {@code fake}, which must know what it pins; the other can use it as it is.
   */
  Lanes(Kernel real, Kernel fake, World world) {
    this.real = new Lane(real);
    this.fake = new Lane(fake);
    memory = new UserMemory(fake);
    memory.tell(this.real, world);
    memory.tell(this.fake, world);
  }

  /** Makes the call on both. Null when they agree, else what differs. */
  String run(Call call) {
    realResult = real.run(call);
    long fakeResult = fake.run(call);
    boolean same =
        realResult == fakeResult || (call.makesDescriptor() && realResult >= 0 && fakeResult >= 0);
    if (!same) {
      return "real kernel: " + Call.result(realResult) + ", fake: " + Call.result(fakeResult);
    }
    return bytesDiffer(call.used()) ? differences(call) : null;
  }

  /** What the first kernel returned. */
  long result() {
    return realResult;
  }

  /** The first kernel. */
  Lane real() {
    return real;
  }

  private boolean bytesDiffer(int used) {
    real.bytes().limit(used);
    fake.bytes().limit(used);
    return real.bytes().mismatch(fake.bytes()) >= 0;
  }

  private String differences(Call call) {
    boolean[] explained = new boolean[call.used()];
    StringJoiner differences = new StringJoiner("; ");
    for (Call.Out out : call.outs()) {
      if (out.isDescriptor() && out.offset() >= 0 && bothAreDescriptors(out)) {
        mark(explained, out.offset(), out.width());
      }
    }
    for (Call.Field field : call.fields()) {
      int at = field.offset();
      if (explained[at]) {
        continue;
      }
      mark(explained, at, field.width());
      long here = real.read(at, field.width());
      long there = fake.read(at, field.width());
      if (here == there || (field.isRenamed() && isLeft(field, here, there))) {
        continue;
      }
      differences.add(
          field.name()
              + ": real kernel: "
              + Argument.text(here)
              + ", fake: "
              + Argument.text(there));
    }
    for (int at = 0; at < call.used(); at++) {
      byte here = real.arena().getByte(at);
      byte there = fake.arena().getByte(at);
      if (!explained[at] && here != there) {
        int eight = Math.min(Long.BYTES, call.used() - at);
        String text = "byte " + at + ": real kernel: " + hex(real, at, eight);
        differences.add(text + ", fake: " + hex(fake, at, eight));
        at += eight - 1;
      }
    }
    return differences.length() == 0 ? null : differences.toString();
  }

  private boolean bothAreDescriptors(Call.Out out) {
    return realResult >= 0
        && real.read(out.offset(), out.width()) >= 0
        && fake.read(out.offset(), out.width()) >= 0;
  }

  /** Whether both kernels left a value as it was that is not the same for them. */
  private boolean isLeft(Call.Field field, long here, long there) {
    return here == real.given(field) && there == fake.given(field);
  }

  private static void mark(boolean[] explained, int from, int count) {
    for (int at = from; at < from + count; at++) {
      explained[at] = true;
    }
  }

  private static String hex(Lane lane, int from, int count) {
    StringBuilder text = new StringBuilder();
    for (int at = from; at < from + count; at++) {
      text.append(String.format("%02x", lane.arena().getByte(at)));
    }
    return text.toString();
  }

  @Override
  public void close() {
    real.closeAll();
    fake.closeAll();
    MdevCalls.removeAll(real.kernel());
    memory.close();
  }
}
