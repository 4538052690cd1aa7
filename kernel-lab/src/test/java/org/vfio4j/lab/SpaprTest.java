// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.group.IommuType;
import org.vfio4j.group.SpaprIommu;
import org.vfio4j.group.Type1Iommu;
import org.vfio4j.group.VfioContainer;
import org.vfio4j.group.VfioGroup;
import org.vfio4j.group.uapi.VfioSpaprUapi;

/** The IOMMU of POWER servers, which this machine has not, is refused, and nothing is changed. */
@Tag("lab")
@Tag("lab-group")
class SpaprTest {
  @ParameterizedTest(name = "{0}")
  @EnumSource(SpaprIommu.Version.class)
  void isNotHere(SpaprIommu.Version version) {
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup group = VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.EDU)).join(container)) {
      assertThat(container.checkExtension(version.number())).isZero();
      assertThat(container.checkExtension(VfioSpaprUapi.VFIO_EEH)).isZero();
      VfioException refusal =
          Refusal.of(Reason.NOT_IN_KERNEL, Errno.ENODEV, () -> container.setSpaprIommu(version));
      assertThat(refusal.hint()).contains("CONFIG_VFIO_IOMMU_SPAPR_TCE");
      try (Type1Iommu iommu = container.setIommu(IommuType.TYPE1_V2)) {
        assertThat(iommu.info().pageSizes()).isNotZero();
        Refusal.of(Reason.WRONG_STATE, Errno.EINVAL, () -> container.setSpaprIommu(version));
      }
      assertThat(group.status().containerSet()).isTrue();
    }
  }

  @Test
  void needsAGroup() {
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL)) {
      Refusal.of(
          Reason.WRONG_STATE, Errno.EINVAL, () -> container.setSpaprIommu(SpaprIommu.Version.V2));
    }
  }

  /** The calls whose numbers no other one has. */
  @Test
  void itsCallsAreUnknown() {
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup group = VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.EDU)).join(container);
        Type1Iommu iommu = container.setIommu(IommuType.TYPE1_V2)) {
      int[] requests = {
        VfioSpaprUapi.VFIO_IOMMU_ENABLE,
        VfioSpaprUapi.VFIO_IOMMU_DISABLE,
        VfioSpaprUapi.VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY,
        VfioSpaprUapi.VFIO_IOMMU_SPAPR_TCE_CREATE,
        VfioSpaprUapi.VFIO_IOMMU_SPAPR_TCE_REMOVE,
        VfioSpaprUapi.VFIO_EEH_PE_OP
      };
      for (int request : requests) {
        assertThat(Lab.KERNEL.ioctl(container.fd(), request, 0))
            .as("ioctl %x", request)
            .isEqualTo(Errno.ENOTTY.result());
      }
      assertThat(iommu.isClosed()).isFalse();
      assertThat(group.isClosed()).isFalse();
    }
  }
}
