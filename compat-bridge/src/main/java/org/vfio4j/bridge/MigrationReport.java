// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * What the calls of a program on the bridge became: which legacy call was made how often, by which
 * device-centric calls it was served, which were refused, and the code to write instead.
 *
 * <p>Immutable; {@link #toString()} is for people, {@link #toJson()} for programs.
 *
 * @param rows in the order in which a program makes these calls first
 * @param withoutEqual what the bridge itself refused: because nothing device-centric does it, or by
 *     its policy
 */
public record MigrationReport(List<Row> rows, List<Refused> withoutEqual) {
  public MigrationReport {
    rows = List.copyOf(rows);
    withoutEqual = List.copyOf(withoutEqual);
  }

  /**
   * One legacy call in one mode.
   *
   * @param mode {@code bridge_type1} or {@code bridge_type1v2}; empty for calls that belong to no
   *     container with an IOMMU
   * @param became how often which device-centric call was made for it
   * @param instead the code to write instead
   */
  public record Row(
      LegacyCall call, String mode, long count, Map<DeviceCall, Long> became, String instead) {}

  /**
   * A legacy call that was refused by the bridge itself.
   *
   * @param reason why
   */
  public record Refused(LegacyCall call, String mode, long count, String reason) {}

  static MigrationReport of(Tally tally) {
    Map<LegacyCall, Map<String, Count>> counts = new EnumMap<>(LegacyCall.class);
    List<Refused> refused = new ArrayList<>();
    for (Map.Entry<Tally.Key, Long> entry : tally.snapshot()) {
      Tally.Key key = entry.getKey();
      String mode = key.mode() == null ? "" : key.mode().id();
      if (key.refusal() != null) {
        refused.add(new Refused(key.call(), mode, entry.getValue(), key.refusal()));
        continue;
      }
      Count count =
          counts
              .computeIfAbsent(key.call(), missing -> new TreeMap<>())
              .computeIfAbsent(mode, missing -> new Count());
      if (key.became() == null) {
        count.made = entry.getValue();
      } else {
        count.became.put(key.became(), entry.getValue());
      }
    }
    List<Row> rows = new ArrayList<>();
    counts.forEach(
        (call, modes) ->
            modes.forEach(
                (mode, count) ->
                    rows.add(
                        new Row(
                            call, mode, count.made, Map.copyOf(count.became), call.instead()))));
    refused.sort(Comparator.comparing(Refused::call).thenComparing(Refused::reason));
    return new MigrationReport(rows, refused);
  }

  private static final class Count {
    private long made;
    private final Map<DeviceCall, Long> became = new EnumMap<>(DeviceCall.class);
  }

  /** How often the call was made, in all modes. */
  public long count(LegacyCall call) {
    return rows.stream().filter(row -> row.call() == call).mapToLong(Row::count).sum();
  }

  /** How often the device-centric call was made for it, in all modes. */
  public long count(LegacyCall call, DeviceCall became) {
    return rows.stream()
        .filter(row -> row.call() == call)
        .mapToLong(row -> row.became().getOrDefault(became, 0L))
        .sum();
  }

  /** What the program does, as far as its calls show it, in the order of a program's life. */
  public List<MigrationPattern> patterns() {
    return MigrationPattern.in(this);
  }

  @Override
  public String toString() {
    if (rows.isEmpty()) {
      return "no call of the group API was made\n";
    }
    StringBuilder text = new StringBuilder();
    int width = rows.stream().mapToInt(row -> row.call().text().length()).max().orElse(0);
    String line = "%-" + width + "s  %-15s %9s  %s%n";
    text.append(String.format(line, "CALL", "MODE", "COUNT", "BECAME"));
    for (Row row : rows) {
      String mode = row.mode().isEmpty() ? "-" : row.mode();
      text.append(String.format(line, row.call().text(), mode, row.count(), became(row)));
    }
    if (!withoutEqual.isEmpty()) {
      text.append(String.format("%nRefused:%n"));
    }
    for (Refused row : withoutEqual) {
      text.append(String.format("%s x %d: %s%n", row.call().text(), row.count(), row.reason()));
    }
    text.append(String.format("%nThe same by devices:%n"));
    for (MigrationPattern pattern : patterns()) {
      text.append(String.format("%n// %s%n%s", pattern.title(), pattern.code()));
    }
    return text.toString();
  }

  private static String became(Row row) {
    return row.became().isEmpty()
        ? "answered by the bridge"
        : sorted(row).stream()
            .map(entry -> entry.getKey().text() + " x " + entry.getValue())
            .collect(Collectors.joining(", "));
  }

  private static List<Map.Entry<DeviceCall, Long>> sorted(Row row) {
    return row.became().entrySet().stream().sorted(Map.Entry.comparingByKey()).toList();
  }

  /**
   * The same as JSON: an object with the arrays {@code calls}, {@code refused} and {@code
   * patterns}.
   */
  public String toJson() {
    return "{\n  \"calls\": "
        + array(rows, MigrationReport::json)
        + ",\n  \"refused\": "
        + array(withoutEqual, MigrationReport::json)
        + ",\n  \"patterns\": "
        + array(patterns(), MigrationReport::json)
        + "\n}\n";
  }

  private static <T> String array(List<T> elements, Function<T, Json> json) {
    return elements.isEmpty()
        ? "[]"
        : elements.stream()
            .map(element -> json.apply(element).toString())
            .collect(Collectors.joining(",\n    ", "[\n    ", "\n  ]"));
  }

  private static Json json(Row row) {
    String became =
        sorted(row).stream()
            .map(
                entry ->
                    new Json()
                        .put("call", entry.getKey().text())
                        .put("count", entry.getValue())
                        .toString())
            .collect(Collectors.joining(", ", "[", "]"));
    return call(row.call(), row.mode(), row.count())
        .raw("became", became)
        .put("instead", row.instead());
  }

  private static Json json(Refused row) {
    return call(row.call(), row.mode(), row.count()).put("reason", row.reason());
  }

  private static Json call(LegacyCall call, String mode, long count) {
    Json json = new Json().put("call", call.text());
    return (mode.isEmpty() ? json.raw("mode", "null") : json.put("mode", mode)).put("count", count);
  }

  private static Json json(MigrationPattern pattern) {
    return new Json()
        .put("pattern", pattern.name())
        .put("title", pattern.title())
        .put("write", pattern.code());
  }
}
