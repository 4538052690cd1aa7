// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.scenarios;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Every scenario ran on the fake and on the real kernel, and ended in the same way: by the lists
 * that both runs have left in {@code kernel-lab/target}, which the system property {@code
 * vfio4j.scenarios.target} names.
 */
@Tag("scenarios")
class ScenariosTest {
  private static final Path TARGET =
      Path.of(System.getProperty("vfio4j.scenarios.target", "target"));

  @ParameterizedTest
  @CsvSource({
    "fake, lab-reports/standard mdev-reports",
    "fake-noiommu, lab-reports/noiommu",
    "fake-old-kernel, lab-reports/old-kernel"
  })
  void haveTheSameVerdictOnBothKernels(String fakes, String boots) {
    Set<String> fake = lines(List.of(verdicts("scenarios/" + fakes + ".txt")));
    List<List<Verdict>> lists =
        Arrays.stream(boots.split(" ")).map(boot -> verdicts(boot + "/scenarios.txt")).toList();
    Set<String> real = lines(lists);
    assertThat(without(fake, real)).as("not so on the real kernel").isEmpty();
    assertThat(without(real, fake)).as("not so on the fake").isEmpty();
    assertThat(real).isNotEmpty();
    System.out.printf("%s: %d scenarios, the same verdict on both%n", fakes, real.size());
  }

  private static List<Verdict> verdicts(String file) {
    Path list = TARGET.resolve(file);
    assertThat(Files.exists(list)).as("%s is there: its scenarios have run", list).isTrue();
    return Verdicts.read(list);
  }

  /** But for what the fake cannot show. */
  private static Set<String> lines(List<List<Verdict>> lists) {
    return lists.stream()
        .flatMap(List::stream)
        .filter(verdict -> !verdict.realOnly())
        .map(Verdict::toString)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static Set<String> without(Set<String> lines, Set<String> others) {
    Set<String> rest = new TreeSet<>(lines);
    rest.removeAll(others);
    return rest;
  }
}
