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
import org.vfio4j.group.uapi.VfioEehPeOp;
import org.vfio4j.group.uapi.VfioIommuSpaprRegisterMemory;
import org.vfio4j.group.uapi.VfioIommuSpaprTceCreate;
import org.vfio4j.group.uapi.VfioIommuSpaprTceRemove;
import org.vfio4j.group.uapi.VfioSpaprUapi;
import org.vfio4j.memory.Struct;

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
      unknown(Lab.KERNEL.ioctl(container.fd(), VfioSpaprUapi.VFIO_IOMMU_ENABLE, 0));
      unknown(Lab.KERNEL.ioctl(container.fd(), VfioSpaprUapi.VFIO_IOMMU_DISABLE, 0));
      unknown(
          container,
          VfioSpaprUapi.VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY,
          new VfioIommuSpaprRegisterMemory());
      unknown(container, VfioSpaprUapi.VFIO_IOMMU_SPAPR_TCE_CREATE, new VfioIommuSpaprTceCreate());
      unknown(container, VfioSpaprUapi.VFIO_IOMMU_SPAPR_TCE_REMOVE, new VfioIommuSpaprTceRemove());
      unknown(container, VfioSpaprUapi.VFIO_EEH_PE_OP, new VfioEehPeOp());
      assertThat(iommu.isClosed()).isFalse();
      assertThat(group.isClosed()).isFalse();
    }
  }

  private static void unknown(VfioContainer container, int request, Struct argument) {
    unknown(Lab.KERNEL.ioctl(container.fd(), request, argument));
  }

  private static void unknown(int result) {
    assertThat(result).isEqualTo(Errno.ENOTTY.result());
  }
}
