// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.vfio4j.lab.LabKernels;

/** As {@link FidelityTest}, in the topology without an IOMMU. */
@Tag("fidelity-noiommu")
@Tag("random")
class FidelityNoIommuTest {
  static List<Domain> domains() {
    return FidelityRun.chosen(Domains.withoutIommu());
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("domains")
  void answersAsTheRealKernel(Domain domain) {
    new FidelityRun(domain, LabKernels::noIommu).run();
  }
}
