// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.mockito.Mockito.when;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.group.uapi.VfioGroupUapi;

class VfioContainerTest {
  private final StubVfio vfio = new StubVfio().member("0000:00:05.0", "vfio-pci");

  private static VfioException failure(Runnable call) {
    return catchThrowableOfType(VfioException.class, call::run);
  }

  @ParameterizedTest
  @CsvSource({"false,EINVAL", "true,ENODEV"})
  void noGroupIsTheSameErrorInBothModes(boolean iommufd, Errno errno) {
    vfio.iommufd = iommufd;
    try (VfioContainer container = vfio.container()) {
      VfioException e = failure(() -> container.setIommu(IommuType.TYPE1_V2));
      assertThat(e.reason()).isEqualTo(Reason.WRONG_STATE);
      assertThat(e.errno()).contains(errno);
      assertThat(e.fact()).isEqualTo("no group has joined");
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void twoSpacesAreRefusedInBothModes(boolean iommufd) {
    vfio.iommufd = iommufd;
    try (VfioContainer container = vfio.container();
        VfioGroup group = VfioGroup.open(vfio.kernel, 5).join(container);
        Type1Iommu first = container.setIommu(IommuType.TYPE1)) {
      assertThat(first.type()).isEqualTo(IommuType.TYPE1);
      assertThat(failure(() -> container.setIommu(IommuType.TYPE1)).reason())
          .isEqualTo(Reason.WRONG_STATE);
      first.close();
      container.setIommu(IommuType.TYPE1).close();
    }
    assertThat(vfio.calls).endsWith("close group", "close container");
  }

  @Test
  void aContainerKeepsItsType() {
    try (VfioContainer container = vfio.container();
        VfioGroup group = VfioGroup.open(vfio.kernel, 5).join(container)) {
      container.setIommu(IommuType.TYPE1).close();
      VfioException e = failure(() -> container.setIommu(IommuType.TYPE1_V2));
      assertThat(e.reason()).isEqualTo(Reason.WRONG_STATE);
      assertThat(e.fact()).contains("TYPE1");
      group.leave();
      group.join(container);
      container.setIommu(IommuType.TYPE1_V2).close();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "ENODEV,NOT_IN_KERNEL",
    "EINVAL,NOT_SUPPORTED",
    "EPERM,NO_PERMISSION",
    "ENOMEM,LIMIT",
    "EBUSY,IN_USE",
    "EIO,OTHER"
  })
  void whatAContainerRefuses(Errno errno, Reason reason) {
    try (VfioContainer container = vfio.container();
        VfioGroup group = VfioGroup.open(vfio.kernel, 5).join(container)) {
      vfio.errors.put(VfioGroupUapi.VFIO_SET_IOMMU, errno);
      assertThat(failure(() -> container.setIommu(IommuType.TYPE1)).reason()).isEqualTo(reason);
      assertThat(group.isClosed()).isFalse();
    }
  }

  @Test
  void whatAnIommufdRefuses() {
    vfio.iommufd = true;
    try (VfioContainer container = vfio.container();
        VfioGroup group = VfioGroup.open(vfio.kernel, 5).join(container)) {
      assertThat(container.isIommufd()).isTrue();
      vfio.errors.put(VfioGroupUapi.VFIO_SET_IOMMU, Errno.EINVAL);
      assertThat(failure(() -> container.setIommu(IommuType.TYPE1)).reason())
          .isEqualTo(Reason.WRONG_STATE);
      assertThat(failure(container::setNoIommu).reason()).isEqualTo(Reason.NOT_SUPPORTED);
      vfio.iommuSet = false;
      assertThat(failure(() -> container.setIommu(IommuType.TYPE1)).reason())
          .isEqualTo(Reason.NO_IOMMU);
      assertThat(group.isClosed()).isFalse();
    }
  }

  @Test
  void aNoIommuGroupHasNoAddressSpace() {
    try (VfioContainer container = vfio.container();
        VfioGroup group = VfioGroup.openNoIommu(vfio.kernel, 5).join(container)) {
      vfio.errors.put(VfioGroupUapi.VFIO_SET_IOMMU, Errno.ENODEV);
      VfioException e = failure(() -> container.setIommu(IommuType.TYPE1_V2));
      assertThat(e.reason()).isEqualTo(Reason.NO_IOMMU);
      assertThat(e.hint()).contains("setNoIommu()");
      vfio.errors.remove(VfioGroupUapi.VFIO_SET_IOMMU);
      container.setNoIommu();
      assertThat(vfio.calls).endsWith("set iommu 8");
      assertThat(group.isClosed()).isFalse();
    }
  }

  @Test
  void whatIsNoContainerIsClosed() {
    vfio.errors.put(VfioGroupUapi.VFIO_GET_API_VERSION, Errno.ENOTTY);
    VfioException e = failure(() -> VfioContainer.adopt(vfio.kernel, StubVfio.CONTAINER));
    assertThat(e.reason()).isEqualTo(Reason.INVALID_ARGUMENT);
    assertThat(vfio.calls).containsExactly("close container");
  }

  @Test
  void aContainersFileIsNoIommufd() {
    VfioException e = failure(() -> VfioContainer.overIommufd(vfio.kernel, 3));
    assertThat(e.reason()).isEqualTo(Reason.INVALID_ARGUMENT);
    assertThat(vfio.calls).containsExactly("close container");
  }

  @Test
  void anIommuThatSomebodyElseSet() {
    try (VfioContainer container = vfio.container();
        VfioGroup group = VfioGroup.open(vfio.kernel, 5).join(container)) {
      assertThat(failure(() -> container.adoptIommu(IommuType.TYPE1)).reason())
          .isEqualTo(Reason.WRONG_STATE);
      vfio.iommuSet = true;
      container.adoptIommu(IommuType.TYPE1).close();
      assertThat(vfio.calls).doesNotContain("unmap all");
      assertThat(group.isClosed()).isFalse();
    }
  }

  @Test
  void whatTheKernelHas() {
    try (VfioContainer container = vfio.container();
        VfioGroup group = VfioGroup.open(vfio.kernel, 5).join(container)) {
      when(vfio.kernel.ioctl(
              StubVfio.CONTAINER,
              VfioGroupUapi.VFIO_CHECK_EXTENSION,
              (long) VfioGroupUapi.VFIO_TYPE1v2_IOMMU))
          .thenReturn(1);
      assertThat(container.kernelFeatures().present()).containsExactly(ContainerFeature.TYPE1_V2);
      container.setIommu(IommuType.TYPE1_V2).close();
      assertThat(container.kernelFeatures().present())
          .containsExactly(ContainerFeature.TYPE1_V2, ContainerFeature.DIRTY_PAGES);
      vfio.errors.put(VfioGroupUapi.VFIO_IOMMU_DIRTY_PAGES, Errno.ENOTTY);
      assertThat(container.kernelFeatures().absent()).contains(ContainerFeature.DIRTY_PAGES);
      assertThat(container.kernelFeatures().toString()).contains("Linux 5.8 or later");
      assertThat(group.isClosed()).isFalse();
    }
  }
}
