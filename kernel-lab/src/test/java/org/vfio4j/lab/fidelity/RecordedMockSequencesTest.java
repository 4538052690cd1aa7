// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** As {@link RecordedSequencesTest}, in the topology without an IOMMU. */
@Tag("lab-noiommu")
@Tag("random")
class RecordedMockSequencesTest {
  static List<Domain> domains() {
    return Domains.withoutIommu();
  }

  @ParameterizedTest
  @MethodSource("domains")
  void areAnsweredAsRecorded(Domain domain) {
    RecordedSequences.check(domain);
  }
}
