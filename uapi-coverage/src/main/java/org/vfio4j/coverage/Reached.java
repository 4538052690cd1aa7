// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.coverage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Which tests have reached what: as a file, a line for each thing with the classes of its tests,
 * separated by spaces. Tests that ran and reached nothing stand behind {@code -}.
 */
public final class Reached {
  private static final String NOTHING = "-";

  private final SortedMap<String, SortedSet<String>> tests = new TreeMap<>();

  private Reached() {}

  /** Of what each test showed. */
  static Reached of(Map<String, Set<String>> seen) {
    Reached reached = new Reached();
    seen.forEach(
        (test, names) -> {
          (names.isEmpty() ? Set.of(NOTHING) : names)
              .forEach(name -> reached.tests(name).add(test));
        });
    return reached;
  }

  public static Reached empty() {
    return new Reached();
  }

  /** Empty where there is no such file. */
  public static Reached read(Path file) throws IOException {
    Reached reached = new Reached();
    if (Files.exists(file)) {
      for (String line : Files.readAllLines(file)) {
        String[] words = line.split(" ");
        for (int i = 1; i < words.length; i++) {
          reached.tests(words[0]).add(words[i]);
        }
      }
    }
    return reached;
  }

  /** Adds what another run has reached. */
  public void add(Reached other) {
    other.tests.forEach((name, classes) -> tests(name).addAll(classes));
  }

  /** The same without what these tests have reached. */
  public Reached without(Set<String> classes) {
    Reached rest = new Reached();
    tests.forEach(
        (name, known) -> {
          Set<String> others = new TreeSet<>(known);
          others.removeAll(classes);
          if (!others.isEmpty()) {
            rest.tests(name).addAll(others);
          }
        });
    return rest;
  }

  /** Leaves out the tests that ran and reached nothing. */
  public void forgetWhatReachesNothing() {
    tests.remove(NOTHING);
  }

  public void write(Path file) throws IOException {
    StringBuilder text = new StringBuilder();
    tests.forEach(
        (name, classes) ->
            text.append(name).append(' ').append(String.join(" ", classes)).append('\n'));
    Files.createDirectories(file.toAbsolutePath().getParent());
    Files.writeString(file, text);
  }

  /** Everything that was reached. */
  public Set<String> names() {
    Set<String> names = new TreeSet<>(tests.keySet());
    names.remove(NOTHING);
    return names;
  }

  /** The classes of the tests that reach this; empty when none does. */
  public Set<String> testsOf(String name) {
    return tests.getOrDefault(name, new TreeSet<>());
  }

  /** The classes of all tests that ran. */
  public Set<String> ran() {
    Set<String> ran = new TreeSet<>();
    tests.values().forEach(ran::addAll);
    return ran;
  }

  private SortedSet<String> tests(String name) {
    return tests.computeIfAbsent(name, n -> new TreeSet<>());
  }
}
