// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.lab.Memory.PAGE;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.cdev.Attachment;
import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.UnboundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.iommufd.DevId;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.HwInfo;
import org.vfio4j.iommufd.HwptData;
import org.vfio4j.iommufd.HwptId;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.iommufd.PagingHwpt;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.memory.MappedMemory;

/** Page tables that the program makes, and what is told of the IOMMU. */
@Tag("lab")
class HwptTest {
  private static final long IOVA = MockDevice.APERTURE;

  private static BoundDevice bindEdu(Iommufd iommufd) {
    try (UnboundDevice unbound = VfioCdev.find(Lab.KERNEL, Lab.EDU).open()) {
      return unbound.bind(iommufd, DeviceCookie.of(7));
    }
  }

  @Test
  void aDeviceWorksThroughAPageTableOfTheProgram() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice edu = bindEdu(iommufd);
        PagingHwpt hwpt = ioas.hwpt(edu.devId()).allocate();
        DmaBuffer before = ioas.allocate(PAGE)) {
      Attachment attachment = edu.attach(hwpt);
      assertThat(attachment.ptId()).isEqualTo(hwpt.id());
      assertThat(attachment.pageTable()).isSameAs(hwpt);
      try (DmaBuffer after = ioas.allocate(PAGE);
          DmaProbe probe = new DmaProbe(edu, ioas)) {
        assertThat(probe.writes(before)).isTrue();
        assertThat(probe.writes(after)).isTrue();
        Refusal.of(Reason.IN_USE, Errno.EBUSY, () -> iommufd.destroy(hwpt.id().value()));
        Refusal.of(Reason.IN_USE, Errno.EBUSY, () -> iommufd.destroy(ioas.id().value()));
        // From the page table to the space: one of its own is made.
        Attachment automatic = attachment.replace(ioas);
        assertThat(automatic.ptId()).isNotEqualTo(hwpt.id()).isInstanceOf(HwptId.class);
        assertThat(probe.writes(after)).isTrue();
        assertThat(automatic.replace(hwpt).ptId()).isEqualTo(hwpt.id());
        Refusal.of(
            Reason.NO_SUCH_DEVICE, Errno.ENOENT, () -> iommufd.destroy(automatic.ptId().value()));
      }
    }
  }

  /** It holds the memory from its making on. */
  @Test
  void makingItPinsWhatIsMapped() {
    MappedMemory memory = Memory.pages(4);
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice edu = bindEdu(iommufd)) {
      ioas.map(memory.address(), 4 * PAGE, IOVA, DmaAccess.READ_WRITE);
      long before = ProcessState.now().pinned();
      try (PagingHwpt hwpt = ioas.hwpt(edu.devId()).allocate()) {
        assertThat(ProcessState.now().pinned()).isEqualTo(before + 4 * PAGE);
        assertThat(hwpt.ioas()).isSameAs(ioas);
      }
      assertThat(ProcessState.now().pinned()).isEqualTo(before);
      ioas.map(Memory.NOWHERE, PAGE, 2 * IOVA, DmaAccess.READ_WRITE);
      Refusal.of(Reason.INVALID_ARGUMENT, Errno.EFAULT, () -> ioas.hwpt(edu.devId()).allocate());
      ioas.unmap(2 * IOVA, PAGE);
      ioas.map(memory.address(), PAGE, 1L << 39, DmaAccess.READ_WRITE);
      Refusal.of(Reason.OVERLAP, Errno.EADDRINUSE, () -> ioas.hwpt(edu.devId()).allocate());
    } finally {
      Lab.KERNEL.munmap(memory);
    }
  }

  @Test
  void theIommuTellsOfItself() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice edu = bindEdu(iommufd)) {
      HwInfo vtd = iommufd.hwInfo(edu.devId());
      assertThat(vtd.dataType()).isEqualTo(IommufdUapi.IOMMU_HW_INFO_TYPE_INTEL_VTD);
      assertThat(vtd.data()).hasSize(24);
      // The width of an address, less one.
      assertThat(vtd.vtd().orElseThrow().capReg() >>> 16 & 0x3f).isEqualTo(38);
      assertThat(vtd.vtd().orElseThrow().ecapReg()).isNotZero();
      assertThat(vtd.vtd().orElseThrow().flags())
          .isEqualTo(IommufdUapi.IOMMU_HW_INFO_VTD_ERRATA_772415_SPR17);
      assertThat(vtd.canTrackDirty()).isFalse();
      assertThat(vtd.maxPasidLog2()).isZero();
      assertThat(vtd.armSmmuV3()).isEmpty();

      Refusal.of(Reason.NO_SUCH_DEVICE, Errno.ENOENT, () -> iommufd.hwInfo(new DevId(4711)));
      Refusal.of(
          Reason.NO_SUCH_DEVICE, Errno.ENOENT, () -> iommufd.hwInfo(new DevId(ioas.id().value())));
    }
  }

  /** The emulated IOMMU has none of it. */
  @Test
  void whatTheIommuLacksIsNotSupported() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas();
        BoundDevice edu = bindEdu(iommufd)) {
      Refusal.of(
          Reason.NOT_SUPPORTED,
          Errno.EOPNOTSUPP,
          () -> ioas.hwpt(edu.devId()).dirtyTracking().allocate());
      assertThat(
              Refusal.of(
                      Reason.NOT_SUPPORTED,
                      Errno.EOPNOTSUPP,
                      () -> ioas.hwpt(edu.devId()).nestParent().allocate())
                  .fact())
          .contains("for nesting");
      try (PagingHwpt hwpt = ioas.hwpt(edu.devId()).allocate()) {
        Refusal.of(
            Reason.INVALID_ARGUMENT,
            Errno.EINVAL,
            () -> hwpt.nested(edu.devId(), HwptData.vtd(0, 0, 48)).allocate());
      }
    }
  }
}
