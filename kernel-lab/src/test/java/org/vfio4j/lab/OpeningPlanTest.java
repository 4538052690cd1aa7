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
import org.vfio4j.bridge.AssignmentPolicy;
import org.vfio4j.bridge.OpeningPlan;
import org.vfio4j.bridge.OpeningPlan.Against;
import org.vfio4j.bridge.OpeningPolicy;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.examples.edu.EduDriver;

/** Which mode a device is opened in, and what is said against the others. */
class OpeningPlanTest {
  private static OpeningPlan plan(OpeningPolicy policy, AssignmentPolicy assignment) {
    return OpeningPlan.of(Lab.KERNEL, Lab.sysfs(Lab.SHARED_1), policy, assignment);
  }

  @ParameterizedTest
  @EnumSource(OpeningPolicy.class)
  @Tag("lab")
  void takesWhatThePolicyWantsFirst(OpeningPolicy policy) {
    OpeningPlan plan = OpeningPlan.of(Lab.KERNEL, Lab.EDU, policy);
    VfioMode first = policy.order().get(0);
    assertThat(plan.chosen()).as(plan.toString()).contains(first);
    for (VfioMode mode : VfioMode.all()) {
      Against expected = policy.order().contains(mode) ? Against.ANOTHER_FIRST : Against.POLICY;
      if (mode != first) {
        assertThat(plan.verdict(mode).against()).as(plan.toString()).contains(expected);
        assertThat(plan.verdict(mode).evidence()).contains(policy.name());
      }
    }
    try (AssignedDevice edu = plan.open();
        EduDriver driver = new EduDriver(edu.device())) {
      assertThat(edu.mode()).isEqualTo(first);
      assertThat(driver.factorial(5)).isEqualTo(120);
    }
  }

  @ParameterizedTest
  @EnumSource(VfioMode.class)
  @Tag("lab")
  void opensInTheModeThatIsAskedFor(VfioMode mode) {
    OpeningPlan plan =
        OpeningPlan.of(Lab.KERNEL, Lab.sysfs(Lab.EDU), mode, AssignmentPolicy.STAGE_1);
    assertThat(plan.chosen()).as(plan.toString()).contains(mode);
    try (AssignedDevice edu = plan.open()) {
      assertThat(edu.mode()).isEqualTo(mode);
    }
  }

  @Test
  @Tag("lab")
  void aSharedGroupIsLeftToGroupsAtStageOne() {
    OpeningPlan plan = plan(OpeningPolicy.PREFER_DEVICE, AssignmentPolicy.STAGE_1);
    assertThat(plan.chosen()).contains(VfioMode.VFIO_TYPE1V2_IOMMU);
    assertThat(plan.verdict(VfioMode.IOMMUFD).against()).contains(Against.SHARED_GROUP);
    assertThat(plan.verdict(VfioMode.IOMMUFD).evidence()).contains("0000:01:02.0", "STAGE_1");
    assertThat(plan(OpeningPolicy.PREFER_DEVICE, AssignmentPolicy.STAGE_2).chosen())
        .contains(VfioMode.IOMMUFD);
    OpeningPlan none = plan(OpeningPolicy.DEVICE_ONLY, AssignmentPolicy.STAGE_1);
    assertThat(none.chosen()).isEmpty();
    VfioException refused = Refusal.of(Reason.NOT_VIABLE, none::open);
    assertThat(refused.fact()).contains("SHARED_GROUP", "POLICY");
  }

  @Test
  @Tag("lab")
  void saysWhoseDriverTheDeviceHas() {
    OpeningPlan plan = OpeningPlan.of(Lab.KERNEL, Lab.SATA, OpeningPolicy.PREFER_DEVICE);
    assertThat(plan.chosen()).isEmpty();
    assertThat(plan.verdict(VfioMode.IOMMUFD).against()).contains(Against.WRONG_DRIVER);
    assertThat(plan.verdict(VfioMode.VFIO_TYPE1V2_IOMMU).evidence()).contains("ahci");
    Refusal.of(Reason.WRONG_DRIVER, plan::open);
  }

  @Test
  @Tag("lab")
  void saysThatTheDeviceIsInUse() {
    try (AssignedDevice edu = Lab.openEdu(VfioMode.VFIO_TYPE1V2_IOMMU)) {
      OpeningPlan plan = OpeningPlan.of(Lab.KERNEL, Lab.EDU, OpeningPolicy.GROUP_ONLY);
      assertThat(plan.verdict(VfioMode.VFIO_TYPE1V2_IOMMU).against()).contains(Against.IN_USE);
      assertThat(edu.device().info().numRegions()).isPositive();
    }
  }

  /** A kernel with VFIO, and without iommufd and device nodes. */
  @Test
  @Tag("lab-old")
  void anOldKernelHasGroupsOnly() {
    OpeningPlan plan = OpeningPlan.of(Lab.KERNEL, Lab.EDU, OpeningPolicy.PREFER_DEVICE);
    assertThat(plan.chosen()).as(plan.toString()).contains(VfioMode.VFIO_TYPE1V2_IOMMU);
    assertThat(plan.verdict(VfioMode.IOMMUFD).against()).contains(Against.NOT_IN_KERNEL);
    assertThat(plan.verdict(VfioMode.IOMMUFD).evidence()).contains("/dev/iommu");
    plan.open().close();
  }

  @Test
  @Tag("lab")
  void asTextAndAsJson() {
    OpeningPlan plan = OpeningPlan.of(Lab.KERNEL, Lab.EDU, OpeningPolicy.DEVICE_ONLY);
    assertThat(plan.toString())
        .startsWith("iommufd                 chosen:   /dev/vfio/devices/vfio")
        .contains("bridge_type1v2          rejected: POLICY: policy DEVICE_ONLY does not");
    assertThat(plan.toJson())
        .contains("\"device\": \"0000:00:05.0\"", "\"chosen\": \"iommufd\"")
        .contains("\"against\": \"POLICY\"");
  }
}
