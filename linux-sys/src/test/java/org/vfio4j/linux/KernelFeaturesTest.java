// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import org.junit.jupiter.api.Test;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

class KernelFeaturesTest {
  private enum Feature implements KernelFeature {
    IOMMU_HWPT_ALLOC,
    IOMMU_VIOMMU_ALLOC,
    NOBODY_KNOWS;

    @Override
    public String kernelName() {
      return name();
    }
  }

  private final KernelFeatures<Feature> features =
      KernelFeatures.ask(
          "/dev/iommu", Feature.class, feature -> feature == Feature.IOMMU_HWPT_ALLOC);

  @Test
  void saysWhatIsThere() {
    assertThat(features.has(Feature.IOMMU_HWPT_ALLOC)).isTrue();
    assertThat(features.present()).containsExactly(Feature.IOMMU_HWPT_ALLOC);
    assertThat(features.absent()).containsExactly(Feature.IOMMU_VIOMMU_ALLOC, Feature.NOBODY_KNOWS);
    assertThat(features)
        .hasToString(
            "/dev/iommu has [IOMMU_HWPT_ALLOC]; not IOMMU_VIOMMU_ALLOC (Linux 6.13 or later with"
                + " CONFIG_IOMMUFD), NOBODY_KNOWS");
  }

  @Test
  void refusesWithWhatIsNeeded() {
    assertThatCode(() -> features.require(Feature.IOMMU_HWPT_ALLOC)).doesNotThrowAnyException();
    VfioException e =
        catchThrowableOfType(
            VfioException.class, () -> features.require(Feature.IOMMU_VIOMMU_ALLOC));
    assertThat(e.reason()).isEqualTo(Reason.NOT_IN_KERNEL);
    assertThat(e.hint()).isEqualTo("it needs Linux 6.13 or later with CONFIG_IOMMUFD");
  }
}
