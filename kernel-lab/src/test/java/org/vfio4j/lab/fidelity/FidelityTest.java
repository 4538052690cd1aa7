// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.vfio4j.lab.LabKernels;

/** The fake kernel against the guest's, with random sequences of calls. */
@Tag("fidelity")
@Tag("random")
class FidelityTest {
  static List<Domain> domains() {
    return FidelityRun.chosen(Domains.standard());
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("domains")
  void answersAsTheRealKernel(Domain domain) {
    new FidelityRun(domain, LabKernels::standard).run();
  }
}
