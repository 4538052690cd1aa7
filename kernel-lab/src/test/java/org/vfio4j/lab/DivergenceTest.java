// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
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
  private static final boolean ON_FAKE =
      !System.getProperty("vfio4j.lab.kernel", "host").equals("host");
  private static final boolean WRITES = Boolean.getBoolean("vfio4j.docs.write");

  private static final List<VfioMode> COLUMNS =
      VfioMode.all().stream().filter(mode -> mode != VfioMode.IOMMUFD).toList();

  static List<Row> rows() {
    return Divergence.rows();
  }

  @ParameterizedTest
  @MethodSource("rows")
  void isAsTheTableSays(Row row) throws IOException {
    Assumptions.assumeFalse(ON_FAKE && !row.onFake(), "the fake cannot show it");
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
      lines.add(header(row.call(), COLUMNS.stream().map(mode -> observed(row, mode)).toList()));
    }
    String text = Files.readString(file());
    int begin = text.indexOf(BEGIN) + BEGIN.length();
    String table = lines.stream().collect(Collectors.joining("\n", "\n", "\n"));
    Files.writeString(file(), text.substring(0, begin) + table + text.substring(text.indexOf(END)));
  }

  private static String observed(Row row, VfioMode mode) {
    return ON_FAKE && !row.onFake() ? "?" : row.observe(mode);
  }

  private static String header(String first, List<String> cells) {
    return "| " + first + " | " + String.join(" | ", cells) + " |";
  }
}
