// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.Kernel;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.machine.KernelVersion;

/** As {@link MalformedArgumentsTest}, on the fakes of other releases: what they do not know yet. */
class MalformedArgumentsOnFakesTest {
  @ParameterizedTest(name = "{0}")
  @CsvSource({
    "LINUX_6_2, 6, 2",
    "LINUX_6_6, 6, 6",
    "LINUX_6_7, 6, 7",
    "LINUX_6_11, 6, 11",
    "LINUX_6_13, 6, 13",
    "LINUX_6_15, 6, 15",
    "LINUX_6_17, 6, 17",
    "NEWEST, 7, 3"
  })
  void iommufd(KernelVersion version, int major, int minor) {
    Kernel kernel = FakeKernel.of(version, machine -> {});
    try (Iommufd iommufd = Iommufd.open(kernel)) {
      MalformedArguments.refusedByIommufd(kernel, iommufd.fd(), major, minor);
    }
  }
}
