// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignmentPolicy;
import org.vfio4j.bridge.CompatBridge;
import org.vfio4j.group.IommuType;
import org.vfio4j.group.VfioContainer;
import org.vfio4j.group.VfioGroup;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.SysfsDevice;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.device.EduModel;
import org.vfio4j.testkit.machine.KernelVersion;

/**
 * A group without an IOMMU through the bridge, with kernels that have device nodes for it: newer
 * ones than the lab has. {@link NoIommuTest} is the same on a kernel's own groups.
 */
class BridgeNoIommuOnFakesTest {
  private final FakeKernel kernel = FakeKernel.of(KernelVersion.NEWEST, LabKernels::noIommu);
  private final GroupCalls trace = new GroupCalls(kernel);
  private final CompatBridge bridge = CompatBridge.over(trace, AssignmentPolicy.STAGE_1);
  private final SysfsDevice edu = SysfsDevice.pci(bridge, Lab.EDU);

  @Test
  void registersAndInterruptsWork() {
    NoIommuTest.registersAndInterruptsWork(bridge);
    assertThat(trace.binds()).containsExactly("/dev/vfio/devices/noiommu-vfio0");
    assertThat(trace.seen()).isEmpty();
    assertThat(kernel.held()).isEmpty();
  }

  @Test
  void nothingCanBeMapped() {
    try (VfioContainer container = VfioContainer.open(bridge);
        VfioGroup group = VfioGroup.of(bridge, edu).join(container)) {
      for (IommuType type : IommuType.values()) {
        Refusal.of(Reason.NO_IOMMU, () -> container.setIommu(type));
      }
      container.setNoIommu();
      assertThat(group.status().containerSet()).isTrue();
    }
  }

  /** A container is for groups with an IOMMU or for those without. */
  @Test
  void doesNotMixWithOthers() {
    PciAddress other = PciAddress.of("0000:03:00.0");
    CompatBridge both =
        CompatBridge.over(
            FakeKernel.of(
                KernelVersion.NEWEST,
                machine -> {
                  LabKernels.standard(machine);
                  machine
                      .noIommuMode()
                      .device(other.toString(), new EduModel())
                      .boundTo("vfio-pci");
                }),
            AssignmentPolicy.STAGE_1);
    SysfsDevice with = SysfsDevice.pci(both, Lab.EDU);
    SysfsDevice without = SysfsDevice.pci(both, other);
    try (VfioContainer container = VfioContainer.open(both);
        VfioGroup group = VfioGroup.of(both, with).join(container)) {
      assertThat(group.status().containerSet()).isTrue();
      Refusal.of(
          Reason.NO_PERMISSION, Errno.EPERM, () -> VfioGroup.of(both, without).join(container));
    }
    try (VfioContainer container = VfioContainer.open(both);
        VfioGroup group = VfioGroup.of(both, without).join(container)) {
      assertThat(group.status().containerSet()).isTrue();
      Refusal.of(Reason.NO_PERMISSION, Errno.EPERM, () -> VfioGroup.of(both, with).join(container));
    }
  }

  @Test
  void aKernelWithoutSuchNodesIsToldFrom() {
    CompatBridge older =
        CompatBridge.over(
            FakeKernel.of(KernelVersion.LINUX_6_12, LabKernels::noIommu), AssignmentPolicy.STAGE_1);
    VfioException refused =
        Refusal.of(
            Reason.NO_IOMMU,
            Errno.ENOENT,
            () -> VfioGroup.of(older, SysfsDevice.pci(older, Lab.EDU)));
    assertThat(refused.fact()).contains("0000:00:05.0", "no device node");
    assertThat(refused.hint()).contains("without a bridge");
  }

  /** From Linux 6.2 on there are iommufds, and from 6.6 on device nodes. */
  @Test
  void aKernelWithoutAnyNodesIsToldFrom() {
    CompatBridge first =
        CompatBridge.over(
            FakeKernel.of(KernelVersion.LINUX_6_2, LabKernels::standard), AssignmentPolicy.STAGE_1);
    VfioException refused =
        Refusal.of(
            Reason.NOT_IN_KERNEL,
            Errno.ENOENT,
            () -> VfioGroup.of(first, SysfsDevice.pci(first, Lab.EDU)));
    assertThat(refused.fact()).contains("/dev/vfio/devices/vfio0", "/dev/vfio/1");
    assertThat(refused.hint()).contains("Linux 6.6", "CONFIG_VFIO_DEVICE_CDEV", "without a bridge");
  }
}
