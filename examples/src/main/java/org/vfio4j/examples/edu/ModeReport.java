// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.examples.edu;

import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonParser;
import com.grack.nanojson.JsonParserException;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.MigrationReport;
import org.vfio4j.bridge.VfioMode;

/**
 * What the demo saw in one mode: a line while it goes on, a row of the table, an object in JSON.
 */
final class ModeReport {
  static final String HEADER =
      String.format(
          "%-24s %-7s %-14s %-10s %-12s %s",
          "MODE", "RESULT", "IDENTIFICATION", "10!", "DMA", "GUARD");

  private final VfioMode mode;
  private String result = "failed";
  private String identification = "-";
  private Long factorial;
  private Integer dmaBytes;
  private String guard = "-";
  private RuntimeException failure;
  private MigrationReport migration;

  ModeReport(VfioMode mode) {
    this.mode = mode;
  }

  void identification(int value) {
    identification = String.format("%#010x", value);
    expect(value >>> 24 == 1 && (value & 0xff) == 0xed, "this is no edu: " + identification);
  }

  void factorial(int seen, int expected) {
    factorial = Integer.toUnsignedLong(seen);
    expect(seen == expected, "10! came back as " + factorial);
  }

  void dma(int bytes, boolean equal) {
    dmaBytes = bytes;
    expect(equal, "what came back by DMA is not what was sent");
  }

  /** The unbound device was touched; any other refusal than that it is unbound is a failure. */
  void guard(VfioException refusal) {
    if (refusal.reason() != Reason.WRONG_STATE) {
      throw refusal;
    }
    guard = refusal.reason() + refusal.errno().map(errno -> " " + errno).orElse("");
  }

  /** What the calls of the group API became, in a mode of the bridge. */
  void migration(MigrationReport report) {
    migration = report;
  }

  void passed() {
    result = "ok";
  }

  void failed(RuntimeException e) {
    boolean absent = e instanceof VfioException v && v.reason() == Reason.NOT_IN_KERNEL;
    result = absent ? "absent" : "failed";
    failure = e;
  }

  /** What was thrown; null where all went well. */
  RuntimeException failure() {
    return failure;
  }

  private String problem() {
    if (failure == null) {
      return "";
    }
    return failure instanceof VfioException ? failure.getMessage() : failure.toString();
  }

  boolean isOk() {
    return result.equals("ok");
  }

  boolean isAbsent() {
    return result.equals("absent");
  }

  String line() {
    return isOk()
        ? String.format(
            "%s: %s, 10! = %s by MSI, %d bytes there and back by DMA, guard: %s",
            mode, identification, factorial, dmaBytes, guard)
        : mode + ": " + result + ": " + problem();
  }

  String row() {
    return String.format(
        "%-24s %-7s %-14s %-10s %-12s %s",
        mode,
        result,
        identification,
        factorial == null ? "-" : factorial,
        dmaBytes == null ? "-" : dmaBytes + " bytes",
        guard);
  }

  JsonObject json() {
    JsonObject object = new JsonObject();
    object.put("mode", mode.id());
    object.put("result", result);
    object.put("identification", identification);
    object.put("factorial", factorial);
    object.put("dmaBytes", dmaBytes);
    object.put("guard", guard);
    object.put("problem", problem());
    if (migration != null) {
      object.put("migration", parsed(migration.toJson()));
    }
    return object;
  }

  private static JsonObject parsed(String json) {
    try {
      return JsonParser.object().from(json);
    } catch (JsonParserException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void expect(boolean holds, String otherwise) {
    if (!holds) {
      throw new IllegalStateException(otherwise);
    }
  }
}
