// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import static org.assertj.core.api.Assertions.fail;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.vfio4j.lab.LabKernels;
import org.vfio4j.linux.Kernel;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.machine.KernelVersion;

/**
 * The fake kernel against the guest's, with random sequences of calls.
 *
 * <p>System properties: {@code vfio4j.fidelity.calls} is how many calls to make in all, {@code
 * vfio4j.fidelity.seed} the seed of the first sequence of each domain, the following have the
 * numbers after it, {@code vfio4j.fidelity.domain} the only domain.
 */
@Tag("fidelity")
@Tag("random")
class FidelityTest {
  private static final int SEQUENCE = 500;

  /** Of different kinds, so that not every one needs a run of its own. */
  private static final int MOST_DIFFERENCES = 5;

  private static final long CALLS = Long.getLong("vfio4j.fidelity.calls", 20_000);
  private static final long SEED = Long.getLong("vfio4j.fidelity.seed", System.nanoTime());
  private static final String DOMAIN = System.getProperty("vfio4j.fidelity.domain", "");

  static List<Domain> domains() {
    return Domains.all().stream()
        .filter(domain -> DOMAIN.isEmpty() || DOMAIN.equals(domain.name()))
        .toList();
  }

  @ParameterizedTest
  @MethodSource("domains")
  void answersAsTheRealKernel(Domain domain) {
    Differential differential =
        new Differential(
            domain,
            Kernel.host(),
            () -> FakeKernel.of(KernelVersion.LINUX_6_12, LabKernels::standard));
    long begun = System.nanoTime();
    long sequences = (CALLS / domains().size() + SEQUENCE - 1) / SEQUENCE;
    Map<String, Difference> differences = new LinkedHashMap<>();
    for (long seed = SEED; seed < SEED + sequences; seed++) {
      Optional<Difference> found = differential.run(seed, SEQUENCE);
      found.ifPresent(difference -> differences.putIfAbsent(difference.kind(), difference));
      if (differences.size() == MOST_DIFFERENCES) {
        break;
      }
    }
    if (!differences.isEmpty()) {
      fail(
          differences.values().stream()
              .map(difference -> difference + "\nagain: " + again(difference) + "\n")
              .collect(Collectors.joining("\n")));
    }
    long seconds = (System.nanoTime() - begun) / 1_000_000_000;
    System.out.printf(
        "%s: %d calls from %d seeds from %d on, no difference, %d s%n%s",
        domain, sequences * SEQUENCE, sequences, SEED, seconds, differential.tally());
  }

  private static String again(Difference difference) {
    return "./check --only fidelity --calls %d --seed %d --domain %s"
        .formatted(SEQUENCE, difference.seed(), difference.domain().name());
  }
}
