// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

class VfioModeTest {
  @Test
  void theNamesAreThoseOfTheKernelsTests() {
    assertThat(VfioMode.all())
        .extracting(VfioMode::id)
        .containsExactly(
            "vfio_type1_iommu",
            "vfio_type1v2_iommu",
            "iommufd_compat_type1",
            "iommufd_compat_type1v2",
            "iommufd",
            "bridge_type1",
            "bridge_type1v2");
    for (VfioMode mode : VfioMode.all()) {
      assertThat(VfioMode.of(mode.id())).isSameAs(mode);
      assertThat(mode).hasToString(mode.id());
    }
  }

  @ParameterizedTest
  @NullSource
  @ValueSource(strings = {"", "IOMMUFD", "iommufd ", "vfio_type1v3_iommu"})
  void anotherNameIsRefusedAndTheRightOnesAreListed(String name) {
    VfioException e = catchThrowableOfType(VfioException.class, () -> VfioMode.of(name));
    assertThat(e.reason()).isEqualTo(Reason.INVALID_ARGUMENT);
    assertThat(e.object()).isEqualTo("'" + name + "'");
    assertThat(e.hint()).contains("vfio_type1v2_iommu, iommufd_compat_type1,");
  }
}
