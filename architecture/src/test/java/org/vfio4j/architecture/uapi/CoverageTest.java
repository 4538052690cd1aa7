// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.architecture.uapi;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.coverage.Inventory;
import org.vfio4j.coverage.Reached;

/**
 * The page about the user API is as the build writes it, and has no empty cell.
 *
 * <p>With {@code -Duapi.update=true} it is written, from what the runs before have recorded in the
 * build folders. Otherwise what the runs of this build recorded, where there are any ({@code
 * -Duapi.since=} a time stamp file older than they), is compared with what is in version control.
 */
class CoverageTest {
  private static final Path ROOT = ApiReferences.root();
  private static final Path PAGE = ROOT.resolve("docs/uapi-coverage.md");
  private static final Path FOLDER = ROOT.resolve("uapi-coverage/reached");
  private static final Path FAKE = FOLDER.resolve("fake.txt");
  private static final Path REAL = FOLDER.resolve("real.txt");

  private static final boolean UPDATE = Boolean.getBoolean("uapi.update");

  private static CoveragePage page;
  private static String text;

  @BeforeAll
  static void render() throws IOException {
    if (UPDATE) {
      update(FAKE, recorded(false));
      update(REAL, recorded(true));
    }
    page =
        new CoveragePage(
            Inventory.load(),
            new TypedPlaces(),
            ApiReferences.read(ROOT),
            Reached.read(FAKE),
            Reached.read(REAL),
            reasons());
    text = page.text();
    if (UPDATE) {
      Files.writeString(PAGE, text);
    }
  }

  @Test
  void thePageIsAsTheBuildWritesIt() throws IOException {
    assertThat(Files.readString(PAGE))
        .as("docs/uapi-coverage.md; ./check --only uapi --update writes it")
        .isEqualTo(text);
  }

  @Test
  void noCellIsEmpty() {
    assertThat(page.empty())
        .as("no test reaches these, and uapi-coverage/reached/why-not.txt does not say why")
        .isEmpty();
  }

  @Test
  void whatHasATestNeedsNoReason() throws IOException {
    Reached fake = Reached.read(FAKE);
    Reached real = Reached.read(REAL);
    assertThat(reasons().keySet())
        .as("uapi-coverage/reached/why-not.txt")
        .noneMatch(
            key -> {
              String[] words = key.split(" ");
              boolean onFake = !fake.testsOf(words[0]).isEmpty();
              boolean onReal = !real.testsOf(words[0]).isEmpty();
              return switch (words[1]) {
                case "fake" -> onFake;
                case "real" -> onReal;
                default -> onFake && onReal;
              };
            });
  }

  /** An errno that a test has seen and the inventory does not know is forgotten there. */
  @Test
  void whatIsReachedIsInTheInventory() throws IOException {
    Set<String> known = new TreeSet<>();
    for (Inventory.Ioctl ioctl : Inventory.load().ioctls()) {
      ioctl.errnos().forEach(errno -> known.add(ioctl.name() + ":" + errno));
      // Of kernels, devices and files that do not have the call, and of what is no file at all.
      known.add(ioctl.name() + ":" + Errno.ENOTTY);
      known.add(ioctl.name() + ":" + Errno.EBADF);
    }
    for (boolean real : new boolean[] {false, true}) {
      Reached reached = Reached.read(real ? REAL : FAKE);
      reached.add(recorded(real));
      assertThat(reached.names().stream().filter(name -> name.contains(":")))
          .as("errnos that uapi.txt does not list")
          .isSubsetOf(known);
    }
  }

  @Test
  void whatIsClaimedIsOfTestsThatAreThere() throws IOException {
    Map<String, String> sources = testSources();
    for (Path file : List.of(FAKE, REAL)) {
      assertThat(Reached.read(file).ran()).as("%s", file).isSubsetOf(sources.keySet());
      assertThat(Reached.read(file).ran())
          .as("%s: what comes at random shows nothing", file)
          .noneMatch(test -> sources.get(test).contains("@Tag(\"random\")"));
    }
  }

  @Test
  void whatIsClaimedWasSeenOnTheFake() throws IOException {
    assertThat(claimedInVain(Reached.read(FAKE), recorded(false))).isEmpty();
  }

  @Test
  void whatIsClaimedWasSeenOnTheRealKernel() throws IOException {
    assertThat(claimedInVain(Reached.read(REAL), recorded(true))).isEmpty();
  }

  /**
   * What a test is said to reach, and did not reach when it ran. Where threads race, or the host
   * takes a device away, an errno comes in one run and not in the next: it is enough then that
   * another test has met it in this run.
   */
  private static List<String> claimedInVain(Reached claimed, Reached recorded) {
    Set<String> ran = recorded.ran();
    List<String> inVain = new ArrayList<>();
    for (String name : claimed.names()) {
      Set<String> seenBy = recorded.testsOf(name);
      boolean byRace = name.contains(":E") && !seenBy.isEmpty();
      for (String test : claimed.testsOf(name)) {
        if (ran.contains(test) && !seenBy.contains(test) && !byRace) {
          inVain.add(name + " by " + test);
        }
      }
    }
    return inVain;
  }

  /** Keeps what is known of tests that did not run now. */
  private static void update(Path file, Reached recorded) throws IOException {
    Reached known = Reached.read(file).without(recorded.ran());
    known.add(recorded);
    known.forgetWhatReachesNothing();
    known.write(file);
  }

  /** By the name of the class. */
  private static Map<String, String> testSources() throws IOException {
    Map<String, String> sources = new TreeMap<>();
    try (Stream<Path> files = Files.walk(ROOT)) {
      for (Path file : files.filter(path -> path.toString().endsWith("Test.java")).toList()) {
        sources.put(file.getFileName().toString().replace(".java", ""), Files.readString(file));
      }
    }
    return sources;
  }

  /** Of the runs whose reports are in the build folders; empty where there are none. */
  private static Reached recorded(boolean real) throws IOException {
    Reached all = Reached.empty();
    String stamp = System.getProperty("uapi.since", "");
    if (!UPDATE && stamp.isEmpty()) {
      return all;
    }
    try (Stream<Path> files = Files.walk(ROOT, 5)) {
      for (Path file : files.sorted().toList()) {
        String name = ROOT.relativize(file).toString();
        boolean wanted =
            real
                ? name.matches(
                    "kernel-lab/target/(lab-reports/[^/]+|mdev-reports)/uapi-reached.txt")
                : name.matches("[^/]+/target/uapi-reached/[^/]+.txt");
        if (wanted && (stamp.isEmpty() || isNewer(file, Path.of(stamp)))) {
          all.add(Reached.read(file));
        }
      }
    }
    return all;
  }

  private static boolean isNewer(Path file, Path stamp) throws IOException {
    return Files.getLastModifiedTime(file).compareTo(Files.getLastModifiedTime(stamp)) > 0;
  }

  /** {@code NAME KERNEL REASON}; KERNEL is fake, real or both; NAME may be several, with commas. */
  private static Map<String, String> reasons() throws IOException {
    Map<String, String> reasons = new TreeMap<>();
    for (String line : Files.readAllLines(FOLDER.resolve("why-not.txt"))) {
      if (!line.isBlank() && !line.startsWith("#")) {
        String[] words = line.split(" ", 3);
        for (String name : words[0].split(",")) {
          reasons.put(name + " " + words[1], words[2]);
        }
      }
    }
    return reasons;
  }
}
