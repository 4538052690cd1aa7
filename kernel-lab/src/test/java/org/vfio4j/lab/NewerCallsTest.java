// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.lab.Memory.PAGE;

import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.UnboundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.IoasId;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.iommufd.PagingHwpt;
import org.vfio4j.iommufd.uapi.IommuVfioIoas;
import org.vfio4j.iommufd.uapi.IommufdUapi;

/** What 6.12 says of calls that came later, and the space that calls of a container act on. */
@Tag("lab")
class NewerCallsTest {
  private static final long IOVA = 0x10_0000;

  private static BoundDevice bindEdu(Iommufd iommufd) {
    try (UnboundDevice unbound = VfioCdev.find(Lab.KERNEL, Lab.EDU).open()) {
      return unbound.bind(iommufd, DeviceCookie.of(7));
    }
  }

  private static void missing(String firstKernel, ThrowingCallable call) {
    assertThat(Refusal.of(Reason.NOT_IN_KERNEL, Errno.ENOTTY, call).hint())
        .contains("needs Linux " + firstKernel);
  }

  @Test
  void theKernelThatHasItIsNamed() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice edu = bindEdu(iommufd);
        PagingHwpt hwpt = ioas.hwpt(edu.devId()).allocate()) {
      missing("6.13", iommufd::changeProcess);
      missing("6.13", () -> ioas.mapFile(0, 0, PAGE, IOVA, DmaAccess.READ));
      missing("6.13", () -> ioas.mapFile(0, 0, PAGE, DmaAccess.READ));
      missing("6.13", () -> hwpt.viommu(edu.devId(), IommufdUapi.IOMMU_VIOMMU_TYPE_ARM_SMMUV3));
      missing("7.3", () -> ioas.noIommuPhysical(IOVA, 0));
      assertThat(Refusal.of(Reason.NOT_IN_KERNEL, Errno.ENODEV, () -> iommufd.map(0, PAGE)).hint())
          .contains("Linux 6.17");
    }
  }

  @Test
  void pasidsAreUnknown() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice edu = bindEdu(iommufd)) {
      Refusal.of(
          Reason.NOT_SUPPORTED, Errno.EOPNOTSUPP, () -> ioas.hwpt(edu.devId()).pasid().allocate());
      assertThat(
              Refusal.of(Reason.INVALID_ARGUMENT, Errno.EINVAL, () -> edu.attachPasid(1, ioas))
                  .hint())
          .contains("Linux 6.15");
      Refusal.of(Reason.INVALID_ARGUMENT, null, () -> edu.attachPasid(0, ioas));
      // The struct has grown since, which this kernel does not mind.
      edu.attach(ioas).detach();
    }
  }

  @Test
  void theSpaceOfContainersIsChosen() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas()) {
      assertThat(iommufd.vfioIoas()).isEmpty();
      iommufd.setVfioIoas(ioas.id());
      assertThat(iommufd.vfioIoas()).contains(ioas.id());
      iommufd.clearVfioIoas();
      assertThat(iommufd.vfioIoas()).isEmpty();
      iommufd.clearVfioIoas();
      Refusal.of(Reason.NO_SUCH_DEVICE, Errno.ENOENT, () -> iommufd.setVfioIoas(new IoasId(4711)));
      // What is destroyed is not chosen any more.
      try (Ioas other = iommufd.allocateIoas()) {
        iommufd.setVfioIoas(other.id());
      }
      assertThat(iommufd.vfioIoas()).isEmpty();
      IommuVfioIoas unknown = new IommuVfioIoas().op((short) 3);
      assertThat(Lab.KERNEL.ioctl(iommufd.fd(), IommufdUapi.IOMMU_VFIO_IOAS, unknown))
          .isEqualTo(Errno.EOPNOTSUPP.result());
      IommuVfioIoas reserved = new IommuVfioIoas();
      reserved.putShort(IommuVfioIoas.RESERVED, (short) 1);
      assertThat(Lab.KERNEL.ioctl(iommufd.fd(), IommufdUapi.IOMMU_VFIO_IOAS, reserved))
          .isEqualTo(Errno.EOPNOTSUPP.result());
    }
  }
}
