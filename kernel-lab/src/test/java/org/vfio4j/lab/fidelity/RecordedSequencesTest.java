// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What the real kernel answered to sequences of fixed seeds: of each domain some. */
@Tag("lab")
@Tag("random")
class RecordedSequencesTest {
  static List<Domain> domains() {
    return Domains.standard();
  }

  @ParameterizedTest
  @MethodSource("domains")
  void areAnsweredAsRecorded(Domain domain) {
    RecordedSequences.check(domain);
  }
}
