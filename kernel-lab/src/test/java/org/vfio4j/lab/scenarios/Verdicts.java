// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.scenarios;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.stream.Collectors;

/** Files of verdicts, one a line. */
final class Verdicts {
  private Verdicts() {}

  static void write(Path file, Collection<Verdict> verdicts) {
    String text = verdicts.stream().map(verdict -> verdict + "\n").collect(Collectors.joining());
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static List<Verdict> read(Path file) {
    try {
      return Files.readAllLines(file).stream().map(Verdict::of).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
