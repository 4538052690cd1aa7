// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.iommufd.Iommufd;

/** What a program is told of what Debian's 6.1 kernel does not have. */
@Tag("lab-old")
class OldKernelTest {
  @Test
  void isTheKernelItClaimsToBe() {
    assertThat(Lab.OLD_KERNEL).isTrue();
  }

  @Test
  void noIommufd() {
    VfioException refusal = Refusal.of(Reason.NOT_IN_KERNEL, () -> Iommufd.open(Lab.KERNEL));
    assertThat(refusal.fact()).contains("there is no /dev/iommu");
    assertThat(refusal.hint()).contains("Linux 6.2").contains("CONFIG_IOMMUFD");
  }

  @Test
  void noDeviceNode() {
    VfioException refusal =
        Refusal.of(Reason.NOT_IN_KERNEL, () -> VfioCdev.find(Lab.KERNEL, Lab.EDU));
    // 6.1 has the folder, but what is in it has no node.
    assertThat(refusal.fact())
        .contains("0000:00:05.0/vfio-dev/vfio")
        .contains("no 'dev' attribute");
    assertThat(refusal.hint()).contains("Linux 6.6").contains("the group API works without");
  }

  @ParameterizedTest(name = "{0}")
  @EnumSource(
      value = VfioMode.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"VFIO_TYPE1_IOMMU", "VFIO_TYPE1V2_IOMMU"})
  void theNewerModesAreAbsent(VfioMode mode) {
    VfioException refusal =
        Refusal.of(Reason.NOT_IN_KERNEL, () -> AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU));
    assertThat(refusal).hasMessageContaining("/dev/iommu");
    // Nothing of the attempt is left.
    AssignedDevice.open(Lab.KERNEL, VfioMode.VFIO_TYPE1V2_IOMMU, Lab.EDU).close();
  }
}
