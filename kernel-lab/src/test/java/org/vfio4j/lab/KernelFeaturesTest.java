// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.device.DeviceFeature;
import org.vfio4j.group.ContainerFeature;
import org.vfio4j.group.IommuType;
import org.vfio4j.group.Type1Iommu;
import org.vfio4j.group.VfioContainer;
import org.vfio4j.group.VfioGroup;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.iommufd.IommufdFeature;
import org.vfio4j.linux.KernelFeatures;

/** What kernels say of themselves when they are asked, and what a program is told of the rest. */
class KernelFeaturesTest {
  @Test
  @Tag("lab")
  void iommufdOf612() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL)) {
      KernelFeatures<IommufdFeature> features = iommufd.kernelFeatures();
      assertThat(features.present())
          .containsExactlyInAnyOrder(
              IommufdFeature.HWPT_ALLOC,
              IommufdFeature.GET_HW_INFO,
              IommufdFeature.HWPT_SET_DIRTY_TRACKING,
              IommufdFeature.HWPT_GET_DIRTY_BITMAP,
              IommufdFeature.HWPT_INVALIDATE,
              IommufdFeature.FAULT_QUEUE_ALLOC,
              IommufdFeature.HWPT_DATA,
              IommufdFeature.HWPT_FAULT_ID,
              IommufdFeature.HW_CAPABILITIES);
      VfioException refusal =
          Refusal.of(Reason.NOT_IN_KERNEL, () -> features.require(IommufdFeature.VIOMMU_ALLOC));
      assertThat(refusal.hint()).isEqualTo("it needs Linux 6.13 or later with CONFIG_IOMMUFD");
    }
  }

  @Test
  @Tag("lab")
  @Tag("lab-group")
  void container() {
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup group = VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.EDU)).join(container)) {
      assertThat(container.kernelFeatures().present())
          .contains(ContainerFeature.TYPE1, ContainerFeature.TYPE1_V2, ContainerFeature.UNMAP_ALL)
          .doesNotContain(
              ContainerFeature.DIRTY_PAGES, ContainerFeature.UPDATE_VADDR, ContainerFeature.EEH);
      try (Type1Iommu iommu = container.setIommu(IommuType.TYPE1_V2)) {
        assertThat(container.kernelFeatures().present())
            .doesNotContain(ContainerFeature.NOIOMMU, ContainerFeature.SPAPR);
        assertThat(iommu.isClosed()).isFalse();
      }
      assertThat(container.kernelFeatures().toString())
          .contains("SPAPR_V2 (Linux 4.2 or later with CONFIG_VFIO_IOMMU_SPAPR_TCE)");
      assertThat(group.isClosed()).isFalse();
    }
  }

  @Test
  @Tag("lab-noiommu")
  void containerWithoutAnIommu() {
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup group = VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.EDU)).join(container)) {
      assertThat(container.kernelFeatures().present()).containsExactly(ContainerFeature.NOIOMMU);
      container.setNoIommu();
      assertThat(container.kernelFeatures().has(ContainerFeature.DIRTY_PAGES)).isFalse();
      assertThat(group.isClosed()).isFalse();
    }
  }

  @ParameterizedTest(name = "{0}")
  @EnumSource(
      value = VfioMode.class,
      names = {"VFIO_TYPE1_IOMMU", "VFIO_TYPE1V2_IOMMU"})
  @Tag("lab")
  @Tag("lab-group")
  void deviceOfAGroup(VfioMode mode) {
    assertNoMigration(mode);
  }

  @Test
  @Tag("lab")
  void deviceOfANode() {
    assertNoMigration(VfioMode.IOMMUFD);
  }

  private static void assertNoMigration(VfioMode mode) {
    try (AssignedDevice edu = Lab.openEdu(mode)) {
      Set<DeviceFeature> features = edu.device().kernelFeatures().present();
      assertThat(features).doesNotContain(DeviceFeature.MIGRATION, DeviceFeature.DMA_BUF);
      assertThat(edu.device().kernelFeatures().toString())
          .contains("MIGRATION (Linux 5.18 or later with CONFIG_VFIO)")
          .contains("DMA_BUF (Linux 6.19 or later with CONFIG_VFIO_PCI_DMABUF)");
    }
  }
}
