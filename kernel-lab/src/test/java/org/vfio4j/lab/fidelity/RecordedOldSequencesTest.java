// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * As {@link RecordedSequencesTest}, on Debian's Linux 6.1, which has groups and containers only.
 */
@Tag("lab-old")
@Tag("random")
class RecordedOldSequencesTest {
  static List<Domain> domains() {
    return List.of(Domains.TYPE1, Domains.TYPE1V2, Domains.GROUP);
  }

  @ParameterizedTest
  @MethodSource("domains")
  void areAnsweredAsRecorded(Domain domain) {
    RecordedSequences.check(domain);
  }
}
