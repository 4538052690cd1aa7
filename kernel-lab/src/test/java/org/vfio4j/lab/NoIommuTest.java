// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.device.Interrupts;
import org.vfio4j.device.Isolation;
import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.VfioPci;
import org.vfio4j.group.IommuType;
import org.vfio4j.group.VfioContainer;
import org.vfio4j.group.VfioGroup;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.SysfsDevice;

/**
 * A device without an IOMMU: it can be used through its registers, and nothing is mapped for it.
 */
@Tag("lab-noiommu")
class NoIommuTest {
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  @Test
  void registersAndInterruptsWork() {
    registersAndInterruptsWork(Lab.KERNEL);
  }

  /** On this kernel, or on a bridge over one. */
  static void registersAndInterruptsWork(Kernel kernel) {
    try (VfioContainer container = VfioContainer.open(kernel)) {
      assertThat(container.supportsNoIommu()).isTrue();
      SysfsDevice device = SysfsDevice.pci(kernel, Lab.EDU);
      try (VfioGroup group = VfioGroup.of(kernel, device).join(container)) {
        assertThat(group.status().viable()).isTrue();
        Refusal.of(Reason.WRONG_STATE, () -> group.device(Lab.EDU));
        container.setNoIommu();
        try (VfioDevice edu = group.device(Lab.EDU);
            MappedRegion registers = edu.region(VfioPci.BAR0).map();
            Interrupts msi = edu.interrupts(VfioPci.MSI).enable(1)) {
          assertThat(edu.config().vendorId()).isEqualTo(0x1234);
          assertThat(registers.getIntLe(Edu.IDENTIFICATION)).isEqualTo(Edu.IDENTITY);
          edu.config().enableBusMaster(true);
          registers.putIntLe(Edu.RAISE, 1);
          assertThat(msi.await(0, PATIENCE)).isEqualTo(1);
          registers.putIntLe(Edu.ACKNOWLEDGE, 1);
        }
      }
    }
  }

  @Test
  void nothingCanBeMapped() {
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup group = VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.EDU)).join(container)) {
      for (IommuType type : IommuType.values()) {
        VfioException refusal = Refusal.of(Reason.NO_IOMMU, () -> container.setIommu(type));
        assertThat(refusal.fact()).contains("no IOMMU");
        assertThat(refusal.hint()).isNotEmpty();
      }
      container.setNoIommu();
      Refusal.of(Reason.WRONG_STATE, () -> container.adoptIommu(IommuType.TYPE1));
      assertThat(group.status().containerSet()).isTrue();
    }
  }

  @Test
  void noDeviceNode() {
    VfioException refusal = Refusal.of(Reason.NO_IOMMU, () -> VfioCdev.find(Lab.KERNEL, Lab.EDU));
    assertThat(refusal).hasMessageContaining("0000:00:05.0").hasMessageContaining("no IOMMU");
  }

  @ParameterizedTest(name = "{0}")
  @EnumSource(VfioMode.class)
  void noModeHasAnAddressSpaceForIt(VfioMode mode) {
    VfioException refusal =
        Refusal.of(Reason.NO_IOMMU, () -> AssignedDevice.open(Lab.KERNEL, mode, Lab.EDU));
    assertThat(refusal.getMessage()).contains("no IOMMU");
    // Nothing stays open.
    VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.EDU)).close();
  }

  /** What else is on its bus has no group to be named by. */
  @Test
  void noHotResetBesideAStranger() {
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup group = VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.SHARED_1)).join(container)) {
      container.setNoIommu();
      try (VfioDevice edu = group.device(Lab.SHARED_1)) {
        VfioException refusal =
            Refusal.of(Reason.NO_PERMISSION, Errno.EPERM, () -> edu.planHotReset());
        assertThat(refusal.fact()).contains("in no group");
      }
    }
  }

  @Test
  void isNotIsolated() {
    Isolation isolation = Isolation.of(Lab.sysfs(Lab.EDU));
    assertThat(isolation.kind()).isEqualTo(Isolation.Kind.NONE);
    assertThat(isolation).hasToString("0000:00:05.0 is not isolated: no IOMMU is in front of it");
  }

  @Test
  @RealKernelOnly("it runs in a process of its own")
  void needsCapSysRawio() {
    List<String> output =
        ChildJvm.limited(
            List.of("setpriv", "--bounding-set=-sys_rawio", "--inh-caps=-sys_rawio"),
            Unprivileged.class);
    assertThat(String.join("\n", output)).contains("NO_PERMISSION").contains("CAP_SYS_RAWIO");
  }

  /** Root without that capability. */
  static final class Unprivileged {
    private Unprivileged() {}

    public static void main(String[] args) {
      VfioException refusal =
          Refusal.of(
              Reason.NO_PERMISSION, () -> VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.EDU)).close());
      System.out.println(refusal.reason() + ": " + refusal.getMessage());
    }
  }
}
