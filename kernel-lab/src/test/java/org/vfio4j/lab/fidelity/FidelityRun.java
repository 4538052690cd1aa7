// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import static org.assertj.core.api.Assertions.fail;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.vfio4j.lab.LabKernels;
import org.vfio4j.linux.Kernel;
import org.vfio4j.testkit.machine.Machine;

/**
 * The sequences of a domain, one seed after another, on the fake and on the guest's kernel.
 *
 * <p>System properties: {@code vfio4j.fidelity.calls} is how many calls to make in each domain,
 * {@code vfio4j.fidelity.seed} the seed of the first sequence, the following have the numbers after
 * it, of one domain after another, {@code vfio4j.fidelity.domains} the only domains, with commas
 * between them.
 */
final class FidelityRun {
  private static final int SEQUENCE = 500;

  /** Of different kinds, so that not every one needs a run of its own. */
  private static final int MOST_DIFFERENCES = 5;

  private static final long CALLS = Long.getLong("vfio4j.fidelity.calls", 2_000);
  private static final long SEED = Long.getLong("vfio4j.fidelity.seed", System.nanoTime());
  private static final AtomicLong NEXT_SEED = new AtomicLong(SEED);
  private static final String DOMAINS = System.getProperty("vfio4j.fidelity.domains", "");

  private final Domain domain;
  private final Differential differential;
  private final Map<String, Difference> differences = new LinkedHashMap<>();

  FidelityRun(Domain domain, Consumer<Machine> machine) {
    this.domain = domain;
    differential = new Differential(domain, Kernel.host(), () -> LabKernels.likeTheGuests(machine));
  }

  /** Those of them that are to run. */
  static List<Domain> chosen(List<Domain> domains) {
    List<String> names = List.of(DOMAINS.split(","));
    return domains.stream()
        .filter(domain -> DOMAINS.isEmpty() || names.contains(domain.name()))
        .toList();
  }

  void run() {
    long begun = System.nanoTime();
    long sequences = (CALLS + SEQUENCE - 1) / SEQUENCE;
    long first = NEXT_SEED.getAndAdd(sequences);
    for (long seed = first; seed < first + sequences; seed++) {
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
    long millis = (System.nanoTime() - begun) / 1_000_000;
    System.out.printf(
        "%s: %d calls from %d seeds from %d on, no difference, %d s, %d a second%n%s",
        domain,
        sequences * SEQUENCE,
        sequences,
        first,
        millis / 1000,
        sequences * SEQUENCE * 1000 / Math.max(1, millis),
        differential.tally());
  }

  private static String again(Difference difference) {
    return "./check --only fidelity --calls %d --seed %d --domain %s"
        .formatted(SEQUENCE, difference.seed(), difference.domain().name());
  }
}
