// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the README shows is in the examples, which the lab runs. */
class ReadmeTest {
  private static final Path EXAMPLES = Path.of("src/main/java/org/vfio4j/examples/edu");
  private static final Pattern BLOCK = Pattern.compile("(?ms)^```(\\w*)\\R(.*?)^```$");
  private static final Pattern FILE = Pattern.compile("\\w+\\.java");

  record Block(String file, List<String> lines) {
    @Override
    public String toString() {
      return file;
    }
  }

  /** The Java blocks, each with the file that the text before names last. */
  static List<Block> blocks() throws IOException {
    String readme = Files.readString(Path.of("../README.md"));
    List<Block> blocks = new ArrayList<>();
    Matcher block = BLOCK.matcher(readme);
    int before = 0;
    while (block.find()) {
      if (block.group(1).equals("java")) {
        List<String> files =
            FILE.matcher(readme.substring(before, block.start()))
                .results()
                .map(found -> found.group())
                .toList();
        blocks.add(new Block(files.get(files.size() - 1), code(block.group(2).lines())));
      }
      before = block.end();
    }
    return blocks;
  }

  @Test
  void showsBothGenerationsAndTheDriver() throws IOException {
    assertThat(blocks())
        .extracting(Block::file)
        .containsExactly("DeviceCentric.java", "GroupCentric.java", "EduDriver.java");
  }

  @ParameterizedTest
  @MethodSource("blocks")
  void everyLineIsInTheExample(Block block) throws IOException {
    List<String> example;
    try (Stream<String> lines = Files.lines(EXAMPLES.resolve(block.file()))) {
      example = code(lines);
    }
    int at = 0;
    for (String line : block.lines()) {
      int found = example.subList(at, example.size()).indexOf(line);
      assertThat(found).as("'%s' in %s, after line %d", line, block, at).isNotNegative();
      at += found + 1;
    }
  }

  private static List<String> code(Stream<String> lines) {
    return lines.map(String::strip).filter(line -> !line.isEmpty() && !line.equals("...")).toList();
  }
}
