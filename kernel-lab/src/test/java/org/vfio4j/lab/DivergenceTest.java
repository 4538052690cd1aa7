// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.lab.Divergence.Row;

/**
 * What each way to have a container answers, row by row of the table in {@code
 * docs/compat-divergence.md}: on the guest's kernel and on the fake.
 *
 * <p>With {@code -Dvfio4j.docs.write=true} the table is written; otherwise it must be what is
 * observed.
 */
@Tag("lab")
class DivergenceTest {
  private static final String BEGIN = "<!-- begin: written by DivergenceTest -->";
  private static final String END = "<!-- end -->";
  private static final boolean WRITES = Boolean.getBoolean("vfio4j.docs.write");

  private static final List<VfioMode> COLUMNS =
      VfioMode.all().stream().filter(mode -> mode != VfioMode.IOMMUFD).toList();

  private static final Map<VfioMode, VfioMode> LIKE =
      Map.of(
          VfioMode.BRIDGE_TYPE1,
          VfioMode.VFIO_TYPE1_IOMMU,
          VfioMode.BRIDGE_TYPE1V2,
          VfioMode.VFIO_TYPE1V2_IOMMU);

  static List<Row> rows() {
    return Divergence.rows();
  }

  @ParameterizedTest
  @MethodSource("rows")
  void isAsTheTableSays(Row row) throws IOException {
    Assumptions.assumeFalse(WRITES, "the table is being written");
    List<String> cells = cells(line(row));
    for (int i = 0; i < COLUMNS.size(); i++) {
      assertThat(row.observe(COLUMNS.get(i)))
          .as("%s in mode %s", row, COLUMNS.get(i))
          .isEqualTo(cells.get(i + 1));
    }
  }

  /** No row is in the table that is not observed, and none is missing. */
  @Test
  void theTableHasTheseRows() throws IOException {
    if (WRITES) {
      write();
    }
    assertThat(tableLines().stream().map(line -> cells(line).get(0)))
        .containsExactlyElementsOf(Divergence.rows().stream().map(Row::call).toList());
  }

  /** Each row is a decision: to answer as the native container, or to say why not. */
  @Test
  void whereTheBridgeIsAnotherIsSaid() throws IOException {
    List<String> differing = new ArrayList<>();
    for (String line : tableLines()) {
      List<String> cells = cells(line);
      boolean same =
          LIKE.entrySet().stream()
              .allMatch(pair -> cell(cells, pair.getKey()).equals(cell(cells, pair.getValue())));
      if (!same) {
        differing.add(cells.get(0));
      }
    }
    String text = Files.readString(file());
    assertThat(text.substring(text.indexOf(END)).lines().filter(line -> line.startsWith("- **")))
        .extracting(line -> line.substring(4, line.lastIndexOf("**: ")))
        .containsExactlyInAnyOrderElementsOf(differing);
  }

  private static String cell(List<String> cells, VfioMode mode) {
    return cells.get(1 + COLUMNS.indexOf(mode));
  }

  private static String line(Row row) throws IOException {
    return tableLines().stream()
        .filter(line -> cells(line).get(0).equals(row.call()))
        .findFirst()
        .orElseThrow(
            () ->
                new AssertionError(
                    file() + " has no row '" + row + "': write it with -Dvfio4j.docs.write=true"));
  }

  private static List<String> cells(String line) {
    return Arrays.stream(line.substring(1, line.length() - 1).split("\\|"))
        .map(String::strip)
        .toList();
  }

  private static Path file() {
    Path here = Path.of("docs", "compat-divergence.md");
    return Files.exists(here) ? here : Path.of("..").resolve(here);
  }

  private static List<String> tableLines() throws IOException {
    String text = Files.readString(file());
    String table = text.substring(text.indexOf(BEGIN), text.indexOf(END));
    return table.lines().filter(line -> line.startsWith("|")).skip(2).toList();
  }

  private static void write() throws IOException {
    List<String> lines = new ArrayList<>();
    lines.add(header("call", COLUMNS.stream().map(VfioMode::id).toList()));
    lines.add("|" + "---|".repeat(COLUMNS.size() + 1));
    for (Row row : Divergence.rows()) {
      lines.add(header(row.call(), COLUMNS.stream().map(row::observe).toList()));
    }
    String text = Files.readString(file());
    int begin = text.indexOf(BEGIN) + BEGIN.length();
    String table = lines.stream().collect(Collectors.joining("\n", "\n", "\n"));
    Files.writeString(file(), text.substring(0, begin) + table + text.substring(text.indexOf(END)));
  }

  private static String header(String first, List<String> cells) {
    return "| " + first + " | " + String.join(" | ", cells) + " |";
  }
}
