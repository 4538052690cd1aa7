// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import org.vfio4j.lab.LabKernels;
import org.vfio4j.linux.Kernel;

/** Sequences of fixed seeds, and what the real kernel answered to them. */
final class RecordedSequences {
  private static final int SEEDS = 16;
  private static final int CALLS = 120;

  private RecordedSequences() {}

  /** Compares the kernel that the tests run on with what is recorded. */
  static void check(Domain domain) {
    for (int seed = 1; seed <= SEEDS; seed++) {
      String section = "%s, seed %02d".formatted(domain.name(), seed);
      Recordings.check(domain.name() + ".txt", section, play(domain, seed));
    }
  }

  private static Transcript play(Domain domain, long seed) {
    Transcript transcript = new Transcript();
    Sequence sequence = new Sequence(domain, seed);
    Kernel kernel = LabKernels.chosen();
    Lane lane = new Lane(kernel);
    try (UserMemory memory = new UserMemory(kernel)) {
      memory.tell(lane, sequence.world());
      try {
        for (int i = 0; i < CALLS; i++) {
          sequence.answered(Answer.to(sequence.next(), lane, transcript), lane);
        }
      } finally {
        lane.closeAll();
        MdevCalls.removeAll(kernel);
      }
    }
    return transcript;
  }
}
