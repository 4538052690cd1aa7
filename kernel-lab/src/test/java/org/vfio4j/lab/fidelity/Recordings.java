// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import static org.assertj.core.api.Assertions.fail;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.vfio4j.lab.LabKernels;

/**
 * What the lab's kernels answered, under version control in {@code src/test/resources/recorded}.
 *
 * <p>The same test compares with it on the fake, in every build, and on the real kernel, in the
 * lab: so the fake is right, and the recording true. A file has sections, each a {@link
 * Transcript}. With the system property {@code vfio4j.record}, which is a folder, files are written
 * there instead.
 */
final class Recordings {
  /** What makes new ones. */
  static final String AGAIN = "./check --only fidelity --record";

  private static final String FOLDER = "/recorded/" + (LabKernels.isOld() ? "6.1" : "6.12") + "/";
  private static final String SECTION = "## ";
  private static final String TARGET = System.getProperty("vfio4j.record", "");
  private static final Map<String, Map<String, Transcript>> RECORDED = new TreeMap<>();

  private Recordings() {}

  /** Fails unless {@code now} is what was recorded; or records it. */
  static synchronized void check(String file, String section, Transcript now) {
    if (!TARGET.isEmpty()) {
      Map<String, Transcript> sections = RECORDED.computeIfAbsent(file, f -> new TreeMap<>());
      sections.put(section, now);
      write(file, sections);
      return;
    }
    Transcript recorded = sections(file).get(section);
    if (recorded == null) {
      fail("nothing is recorded for " + section + " in " + file + "; to record it: " + AGAIN);
    }
    String difference = now.difference(recorded);
    if (difference != null) {
      fail(file + ", " + section + ": " + difference);
    }
  }

  /** The names of what was recorded. */
  static Set<String> names(String file) {
    return TARGET.isEmpty() ? sections(file).keySet() : Set.of();
  }

  private static Map<String, Transcript> sections(String file) {
    return RECORDED.computeIfAbsent(file, Recordings::read);
  }

  private static Map<String, Transcript> read(String file) {
    Map<String, Transcript> sections = new TreeMap<>();
    List<String> lines = new ArrayList<>();
    for (String line : text(file).lines().toList()) {
      if (line.startsWith(SECTION)) {
        lines = new ArrayList<>();
        sections.put(line.substring(SECTION.length()), new Transcript(lines));
      } else if (!line.isEmpty()) {
        lines.add(line);
      }
    }
    return sections;
  }

  private static String text(String file) {
    try (InputStream resource = Recordings.class.getResourceAsStream(FOLDER + file)) {
      return resource == null ? "" : new String(resource.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void write(String file, Map<String, Transcript> sections) {
    StringBuilder text = new StringBuilder();
    sections.forEach(
        (name, transcript) -> {
          text.append(SECTION).append(name).append('\n');
          transcript.lines().forEach(line -> text.append(line).append('\n'));
          text.append('\n');
        });
    try {
      Files.createDirectories(Path.of(TARGET));
      Files.writeString(Path.of(TARGET, file), text.substring(0, text.length() - 1));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
