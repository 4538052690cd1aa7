// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.examples.edu.EduDriver;

/** A driver for a real device, the same in every mode. */
class EduTest {
  @EveryGroupMode
  void tellsWhatItIs(VfioMode mode) {
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU);
        EduDriver edu = new EduDriver(assigned.device())) {
      assertThat(edu.identification()).isEqualTo(0x010000ed);
    }
  }

  @EveryGroupMode
  void computesAndReportsByMsi(VfioMode mode) {
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU);
        EduDriver edu = new EduDriver(assigned.device())) {
      assertThat(edu.factorial(5)).isEqualTo(120);
      assertThat(edu.factorial(12)).isEqualTo(479001600);
    }
  }

  @EveryGroupMode
  void readsAndWritesMemory(VfioMode mode) {
    byte[] sent = new byte[4000];
    for (int i = 0; i < sent.length; i++) {
      sent[i] = (byte) (i * 31);
    }
    try (AssignedDevice assigned = AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU);
        EduDriver edu = new EduDriver(assigned.device())) {
      assertThat(edu.thereAndBack(assigned.dma(), sent)).isEqualTo(sent);
    }
  }
}
