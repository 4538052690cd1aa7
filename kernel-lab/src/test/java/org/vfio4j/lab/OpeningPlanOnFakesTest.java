// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.function.Consumer;
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
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.SysfsDevice;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.device.EduModel;
import org.vfio4j.testkit.machine.KernelVersion;
import org.vfio4j.testkit.machine.Machine;

/**
 * What a plan says where a machine lacks something: of machines that the lab has not, and of what
 * the environment wishes. {@link OpeningPlanTest} has the rest.
 */
class OpeningPlanOnFakesTest {
  private static FakeKernel kernel(Consumer<Machine> changed) {
    return FakeKernel.of(
        KernelVersion.LINUX_6_12,
        machine -> {
          LabKernels.standard(machine);
          changed.accept(machine);
        });
  }

  private static OpeningPlan plan(FakeKernel kernel, OpeningPolicy policy) {
    return OpeningPlan.of(kernel, Lab.EDU, policy);
  }

  private static OpeningPlan wished(String wish) {
    FakeKernel kernel = kernel(machine -> {});
    return OpeningPlan.of(
        kernel,
        SysfsDevice.pci(kernel, Lab.EDU),
        AssignmentPolicy.STAGE_2,
        wish == null ? name -> null : Map.of(OpeningPlan.VARIABLE, wish)::get);
  }

  @Test
  void theEnvironmentDecidesWhereTheCallerDoesNot() {
    assertThat(wished(null).chosen()).contains(VfioMode.IOMMUFD);
    assertThat(wished(" ").chosen()).contains(VfioMode.IOMMUFD);
    OpeningPlan groups = wished("group_only");
    assertThat(groups.chosen()).contains(VfioMode.VFIO_TYPE1V2_IOMMU);
    assertThat(groups.verdict(VfioMode.IOMMUFD).evidence())
        .isEqualTo("VFIO4J_OPEN=group_only does not allow this mode");
    OpeningPlan bridge = wished("bridge_type1");
    assertThat(bridge.chosen()).contains(VfioMode.BRIDGE_TYPE1);
    try (AssignedDevice edu = bridge.open()) {
      assertThat(edu.mode()).isEqualTo(VfioMode.BRIDGE_TYPE1);
    }
    VfioException refused = Refusal.of(Reason.INVALID_ARGUMENT, () -> wished("best"));
    assertThat(refused.fact()).contains("VFIO4J_OPEN=best");
    assertThat(refused.hint()).contains("prefer_device", "iommufd_compat_type1v2");
  }

  /** The variable is read, but only where there is no argument. */
  @Test
  void anArgumentComesBeforeTheEnvironment() {
    FakeKernel kernel = kernel(machine -> {});
    String own = System.getenv(OpeningPlan.VARIABLE);
    assertThat(own).as("what these tests run with").isNull();
    assertThat(OpeningPlan.of(kernel, Lab.EDU).chosen()).contains(VfioMode.IOMMUFD);
    assertThat(plan(kernel, OpeningPolicy.GROUP_ONLY).toString()).contains("policy GROUP_ONLY has");
  }

  @ParameterizedTest
  @EnumSource
  void nothingIsBoundAndNothingStaysOpen(OpeningPolicy policy) {
    FakeKernel kernel = kernel(machine -> {});
    GroupCalls seen = new GroupCalls(kernel);
    OpeningPlan plan = OpeningPlan.of(seen, Lab.EDU, policy);
    assertThat(plan.verdicts()).hasSize(VfioMode.values().length);
    assertThat(seen.binds()).isEmpty();
    assertThat(kernel.held()).isEmpty();
  }

  @Test
  void withoutDeviceNodes() {
    OpeningPlan plan = plan(kernel(Machine::withoutDeviceNodes), OpeningPolicy.PREFER_DEVICE);
    assertThat(plan.chosen()).contains(VfioMode.VFIO_TYPE1V2_IOMMU);
    for (VfioMode mode : new VfioMode[] {VfioMode.IOMMUFD, VfioMode.BRIDGE_TYPE1V2}) {
      assertThat(plan.verdict(mode).against()).contains(Against.NOT_IN_KERNEL);
      assertThat(plan.verdict(mode).evidence()).contains("vfio-dev/vfio0");
    }
  }

  @Test
  void withoutPermission() {
    OpeningPlan plan =
        plan(
            kernel(
                machine -> machine.user(1000, 1000).node("/dev/vfio/devices/vfio0", 1000, 0, 0600)),
            OpeningPolicy.PREFER_DEVICE);
    assertThat(plan.chosen()).as(plan.toString()).isEmpty();
    assertThat(plan.verdict(VfioMode.IOMMUFD).against()).contains(Against.NO_PERMISSION);
    assertThat(plan.verdict(VfioMode.IOMMUFD).evidence()).contains("/dev/iommu");
    assertThat(plan.verdict(VfioMode.VFIO_TYPE1V2_IOMMU).against()).contains(Against.NO_PERMISSION);
    assertThat(plan.verdict(VfioMode.VFIO_TYPE1V2_IOMMU).evidence()).contains("/dev/vfio/1");
    VfioException refused = Refusal.of(Reason.NO_PERMISSION, plan::open);
    assertThat(refused.fact()).contains(plan.toString());
  }

  @Test
  void whereTheGroupIsNotViable() {
    FakeKernel kernel =
        FakeKernel.of(
            KernelVersion.LINUX_6_12,
            machine -> {
              LabKernels.standard(machine);
              machine.device("0000:00:1f.4", new EduModel()).inGroup(8).boundTo("vfio-pci");
            });
    OpeningPlan plan =
        OpeningPlan.of(
            kernel,
            SysfsDevice.pci(kernel, PciAddress.of("0000:00:1f.4")),
            OpeningPolicy.PREFER_DEVICE,
            AssignmentPolicy.STAGE_2);
    assertThat(plan.chosen()).isEmpty();
    for (VfioMode mode : VfioMode.all()) {
      assertThat(plan.verdict(mode).against()).contains(Against.NOT_VIABLE);
      assertThat(plan.verdict(mode).evidence())
          .contains("group 8 is not viable because", "0000:00:1f.2 is bound to ahci");
    }
    Refusal.of(Reason.NOT_VIABLE, plan::open);
  }

  @Test
  void withoutAnIommu() {
    FakeKernel kernel =
        FakeKernel.of(
            KernelVersion.LINUX_6_12,
            machine ->
                machine
                    .noIommuMode()
                    .device(Lab.EDU.toString(), new EduModel())
                    .boundTo("vfio-pci"));
    OpeningPlan plan = plan(kernel, OpeningPolicy.PREFER_DEVICE);
    assertThat(plan.verdict(VfioMode.IOMMUFD).against()).contains(Against.NO_IOMMU);
    Refusal.of(Reason.NO_IOMMU, plan::open);
  }
}
