// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.coverage.Release;
import org.vfio4j.group.ContainerFeature;
import org.vfio4j.group.VfioContainer;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.iommufd.IommufdFeature;
import org.vfio4j.testkit.machine.KernelVersion;

/** What each release says of itself, and that a program is told what the others need. */
class KernelFeaturesTest {
  @ParameterizedTest(name = "{0}")
  @EnumSource(KernelVersion.class)
  void iommufdHasWhatItsReleaseBrought(KernelVersion version) {
    FakeKernel kernel = FakeKernel.of(version, machine -> machine.noIommuMode());
    if (!version.hasIommufd()) {
      VfioException refusal =
          catchThrowableOfType(VfioException.class, () -> Iommufd.open(kernel).close());
      assertThat(refusal.reason()).isEqualTo(Reason.NOT_IN_KERNEL);
      assertThat(refusal.hint()).contains("Linux 6.2").contains("CONFIG_IOMMUFD");
      return;
    }
    try (Iommufd iommufd = Iommufd.open(kernel)) {
      for (IommufdFeature feature : IommufdFeature.values()) {
        Release since = Release.of(feature.needs().orElseThrow().release());
        boolean expected = version.isAtLeast(since.major(), since.minor());
        assertThat(iommufd.kernelFeatures().has(feature)).as(feature.name()).isEqualTo(expected);
        if (!expected) {
          VfioException refusal =
              catchThrowableOfType(
                  VfioException.class, () -> iommufd.kernelFeatures().require(feature));
          assertThat(refusal.hint()).contains("CONFIG_IOMMUFD").contains(since.major() + ".");
        }
      }
    }
  }

  @ParameterizedTest(name = "{0}")
  @EnumSource(KernelVersion.class)
  void containersAreAskedByExtension(KernelVersion version) {
    FakeKernel kernel = FakeKernel.of(version, machine -> machine.noIommuMode());
    try (VfioContainer container = VfioContainer.open(kernel)) {
      assertThat(container.kernelFeatures().present())
          .contains(
              ContainerFeature.TYPE1,
              ContainerFeature.TYPE1_V2,
              ContainerFeature.UNMAP_ALL,
              ContainerFeature.NOIOMMU)
          .doesNotContain(
              ContainerFeature.SPAPR, ContainerFeature.EEH, ContainerFeature.DIRTY_PAGES);
    }
  }
}
