// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.group.uapi.VfioGroupUapi;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.SysfsDevice;

class VfioGroupTest {
  private static final String EDU = "0000:00:05.0";

  private final StubVfio vfio = new StubVfio().member(EDU, "vfio-pci");

  private static VfioException failure(Runnable call) {
    return catchThrowableOfType(VfioException.class, call::run);
  }

  @Test
  void aGroupThatIsNotViableNamesWhoseFaultThatIsAndIsClosed() {
    vfio.member("0000:00:1f.2", "ahci")
        .member("0000:00:08.0", "pcieport")
        .member("0000:00:09.0", null)
        .member("0000:00:0a.0", "pci-stub");
    vfio.viable = false;
    VfioContainer container = vfio.container();

    VfioException e = failure(() -> VfioGroup.open(vfio.kernel, 5).join(container));

    assertThat(e.reason()).isEqualTo(Reason.NOT_VIABLE);
    assertThat(e.fact()).startsWith("group 5 is not viable: 0000:00:1f.2 is bound to ahci;");
    assertThat(e.hint()).contains("bind 0000:00:1f.2 to vfio-pci");
    assertThat(vfio.calls).endsWith("open /dev/vfio/5", "close group");
    container.close();
    assertThat(vfio.calls).endsWith("close container");
  }

  @Test
  void aGroupInUseNamesWhoHasItOrANodeOfADevice() {
    vfio.openErrors.put("/dev/vfio/5", Errno.EBUSY);
    assertThat(failure(() -> VfioGroup.open(vfio.kernel, 5)).fact()).contains("no process");
    vfio.folders.put("/proc/", List.of("812"));
    vfio.folders.put("/proc/812/fd", List.of("3"));
    vfio.files.put("/proc/812/comm", "qemu");
    vfio.folders.put("/sys/kernel/iommu_groups/5/devices/" + EDU + "/vfio-dev", List.of("vfio0"));
    vfio.links.put("/proc/812/fd/3", "/dev/vfio/devices/vfio0");
    VfioException e = failure(() -> VfioGroup.open(vfio.kernel, 5));
    assertThat(e.reason()).isEqualTo(Reason.IN_USE);
    assertThat(e.fact()).endsWith("/dev/vfio/devices/vfio0 is held by process 812 (qemu)");
    vfio.links.put("/proc/812/fd/3", "/dev/vfio/5");
    assertThat(failure(() -> VfioGroup.open(vfio.kernel, 5)).fact())
        .isEqualTo("/dev/vfio/5 is held by process 812 (qemu)");
  }

  @ParameterizedTest
  @CsvSource({"EPERM,true", "EBUSY,true", "EPERM,false", "EBUSY,false"})
  void anOwnerThatOnlyTheCallFindsOut(Errno errno, boolean atJoin) {
    vfio.member("0000:00:1f.2", "ahci");
    vfio.errors.put(
        atJoin ? VfioGroupUapi.VFIO_GROUP_SET_CONTAINER : VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD,
        errno);
    VfioContainer container = vfio.container();
    VfioGroup group = VfioGroup.open(vfio.kernel, 5);

    VfioException e = failure(() -> group.join(container).device(EDU));

    assertThat(e.reason()).isEqualTo(Reason.NOT_VIABLE);
    assertThat(e.errno()).contains(errno);
    assertThat(e.fact()).contains("0000:00:1f.2 is bound to ahci");
    group.close();
    container.close();
    assertThat(vfio.calls).endsWith("close group", "close container");
  }

  @Test
  void withoutAHostDriverTheErrnosMeanSomethingElse() {
    VfioContainer container = vfio.container();
    VfioGroup group = VfioGroup.open(vfio.kernel, 5).join(container);
    vfio.errors.put(VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD, Errno.EPERM);
    assertThat(failure(() -> group.device(EDU)).reason()).isEqualTo(Reason.NO_PERMISSION);
    vfio.errors.put(VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD, Errno.EBUSY);
    assertThat(failure(() -> group.device(EDU)).reason()).isEqualTo(Reason.IN_USE);
    vfio.errors.put(VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD, Errno.EACCES);
    assertThat(failure(() -> group.device(EDU)).hint()).contains(EDU + " vf_token=");
    vfio.errors.put(VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD, Errno.ENODEV);
    assertThat(failure(() -> group.device("0000:00:06.0")).fact()).contains(EDU + " (vfio-pci)");
    vfio.member("0000:00:07.0", null);
    VfioException driverless = failure(() -> group.device("0000:00:07.0"));
    assertThat(driverless.reason()).isEqualTo(Reason.WRONG_DRIVER);
    assertThat(driverless.fact()).isEqualTo("0000:00:07.0 is bound to no driver, not to VFIO");
    vfio.errors.put(VfioGroupUapi.VFIO_GROUP_GET_DEVICE_FD, Errno.EINVAL);
    assertThat(failure(() -> group.device(EDU)).hint()).contains("setIommu");
    assertThat(failure(() -> group.device(EDU + " vf_token=x")).reason())
        .isEqualTo(Reason.INVALID_ARGUMENT);
    group.close();
    container.close();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aSecondJoinLeavesTheGroupAsItIs(boolean iommufd) {
    vfio.iommufd = iommufd;
    try (VfioContainer container = vfio.container();
        VfioGroup group = VfioGroup.open(vfio.kernel, 5).join(container)) {
      VfioException e = failure(() -> group.join(container));
      assertThat(e.reason()).isEqualTo(Reason.WRONG_STATE);
      assertThat(group.status()).isEqualTo(new GroupStatus(true, true));
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aGroupDoesNotLeaveWithADeviceOpen(boolean iommufd) {
    vfio.iommufd = iommufd;
    try (VfioContainer container = vfio.container();
        VfioGroup group = VfioGroup.open(vfio.kernel, 5).join(container)) {
      container.setIommu(IommuType.TYPE1_V2).close();
      VfioDevice device = group.device(PciAddress.of(EDU));
      assertThat(failure(group::leave).reason()).isEqualTo(Reason.IN_USE);
      device.close();
      group.leave();
      assertThat(group.status().containerSet()).isFalse();
    }
  }

  @Test
  void filesAreClosedChildrenFirstWhateverTheOrderOfClose() {
    VfioContainer container = vfio.container();
    VfioGroup group = VfioGroup.open(vfio.kernel, 5).join(container);
    container.setIommu(IommuType.TYPE1_V2).close();
    VfioDevice device = group.device(EDU);

    container.close();
    group.close();
    assertThat(vfio.calls).doesNotContain("close group", "close container");
    assertThat(failure(() -> group.device(EDU)).reason()).isEqualTo(Reason.CLOSED);
    device.close();

    assertThat(vfio.calls).endsWith("close device", "close group", "close container");
  }

  @Test
  void aGroupThatLeftNoLongerHoldsItsContainer() {
    VfioContainer container = vfio.container();
    VfioGroup group = VfioGroup.open(vfio.kernel, 5).join(container);
    container.close();
    group.leave();
    assertThat(vfio.calls).endsWith("close container");
    group.close();
    assertThat(vfio.calls).endsWith("close container", "close group");
  }

  @Test
  void aClosedContainerCannotBeJoinedAndNothingIsLost() {
    VfioContainer container = vfio.container();
    container.close();
    VfioException e = failure(() -> VfioGroup.open(vfio.kernel, 5).join(container));
    assertThat(e.reason()).isEqualTo(Reason.CLOSED);
    assertThat(vfio.calls).endsWith("close container", "open /dev/vfio/5", "close group");
  }

  @Test
  void theGroupOfADevice() {
    try (VfioGroup group = VfioGroup.of(vfio.kernel, edu())) {
      assertThat(group.number()).isEqualTo(5);
      assertThat(group.members()).extracting(GroupMember::vfio).containsExactly(true);
    }
    vfio.folders.put("/dev/vfio", List.of("noiommu-5", "vfio"));
    VfioGroup.of(vfio.kernel, edu()).close();
    assertThat(vfio.calls).contains("open /dev/vfio/5", "open /dev/vfio/noiommu-5");
  }

  @Test
  void aDeviceWithoutAnIommuOrInOtherHands() {
    vfio.links.remove("/sys/bus/pci/devices/" + EDU + "/iommu_group");
    assertThat(failure(() -> VfioGroup.of(vfio.kernel, edu())).reason()).isEqualTo(Reason.NO_IOMMU);
    vfio.links.put("/sys/bus/pci/devices/" + EDU + "/driver", "../drivers/nvme");
    VfioException e = failure(() -> VfioGroup.of(vfio.kernel, edu()));
    assertThat(e.reason()).isEqualTo(Reason.WRONG_DRIVER);
    assertThat(e.fact()).contains("bound to nvme");
    vfio.links.remove("/sys/bus/pci/devices/" + EDU + "/driver");
    assertThat(failure(() -> VfioGroup.of(vfio.kernel, edu())).fact()).contains("no driver");
  }

  @Test
  void whyThereIsNoNode() {
    vfio.openErrors.put("/dev/vfio/7", Errno.ENOENT);
    vfio.openErrors.put("/dev/vfio/5", Errno.ENOENT);
    assertThat(failure(() -> VfioGroup.open(vfio.kernel, 7)).reason())
        .isEqualTo(Reason.NO_SUCH_DEVICE);
    assertThat(failure(() -> VfioGroup.open(vfio.kernel, 5)).reason())
        .isEqualTo(Reason.NOT_IN_KERNEL);
    vfio.links.put("/sys/kernel/iommu_groups/5/devices/" + EDU + "/driver", "x/nvme");
    VfioException e = failure(() -> VfioGroup.open(vfio.kernel, 5));
    assertThat(e.reason()).isEqualTo(Reason.WRONG_DRIVER);
    assertThat(e.fact()).contains(EDU + " (nvme)");
  }

  @Test
  void aVariantDriverIsKnownByItsFolder() {
    String path = "/sys/kernel/iommu_groups/5/devices/" + EDU;
    vfio.links.put(path + "/driver", "x/some_accelerator");
    assertThat(GroupMember.of(vfio.kernel, 5).get(0).blocks()).isTrue();
    vfio.folders.put(path + "/vfio-dev", List.of("vfio0"));
    assertThat(GroupMember.of(vfio.kernel, 5).get(0).blocks()).isFalse();
  }

  private SysfsDevice edu() {
    return SysfsDevice.pci(vfio.kernel, PciAddress.of(EDU));
  }
}
