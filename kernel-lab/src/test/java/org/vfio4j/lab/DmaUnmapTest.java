// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.lab.Memory.PAGE;

import org.vfio4j.Errno;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.DmaSpace;
import org.vfio4j.group.Type1Iommu;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.memory.MappedMemory;

/** Unmapping: whole mappings, several of them, none, and parts. */
class DmaUnmapTest {
  private static final long IOVA = 0x10_0000;

  @EveryGroupMode
  void saysHowMuchWasMapped(VfioMode mode) {
    MappedMemory memory = Memory.pages(4);
    long va = memory.address();
    try (AssignedDevice edu = Lab.openEdu(mode)) {
      DmaSpace space = edu.dma();
      space.map(va, PAGE, IOVA, DmaAccess.READ_WRITE);
      assertThat(space.unmap(IOVA, PAGE)).isEqualTo(PAGE);
      // Several at once, with a hole between them and room around them.
      space.map(va, 2 * PAGE, IOVA, DmaAccess.READ_WRITE);
      space.map(va + 2 * PAGE, PAGE, IOVA + 2 * PAGE, DmaAccess.READ);
      space.map(va + 3 * PAGE, PAGE, IOVA + 8 * PAGE, DmaAccess.READ_WRITE);
      assertThat(space.unmap(IOVA - 4 * PAGE, 32 * PAGE)).isEqualTo(4 * PAGE);
      space.map(va, 4 * PAGE, IOVA, DmaAccess.READ_WRITE);
      assertThat(unmapAll(space)).isEqualTo(4 * PAGE);
      assertThat(unmapAll(space)).isZero();
      space.map(va, 4 * PAGE, IOVA, DmaAccess.READ_WRITE);
    }
  }

  @EveryGroupMode
  void refusesWhereNothingIsMapped(VfioMode mode) {
    MappedMemory memory = Memory.pages(2);
    try (AssignedDevice edu = Lab.openEdu(mode);
        DmaProbe probe = new DmaProbe(edu)) {
      DmaSpace space = edu.dma();
      space.map(memory.address(), 2 * PAGE, IOVA, DmaAccess.READ_WRITE);
      Errno nothing = mode == VfioMode.IOMMUFD ? Errno.ENOENT : null;
      Errno wrap = Lab.onIommufd(mode) ? Errno.EOVERFLOW : Errno.EINVAL;
      refuse(space, IOVA + 2 * PAGE, PAGE, nothing);
      refuse(space, IOVA - 8 * PAGE, 8 * PAGE, nothing);
      refuse(space, IOVA, 0, Errno.EINVAL);
      refuse(space, -PAGE, 2 * PAGE, wrap);
      refuse(space, 1L << 40, PAGE, nothing);
      assertThat(probe.writes(IOVA + PAGE, memory, PAGE)).isTrue();
      assertThat(space.unmap(IOVA, 2 * PAGE)).isEqualTo(2 * PAGE);
      refuse(space, IOVA, 2 * PAGE, nothing);
    }
  }

  /** Five ways to hit a mapping of four pages in part only. */
  @EveryGroupMode
  void splitsNothing(VfioMode mode) {
    MappedMemory memory = Memory.pages(4);
    try (AssignedDevice edu = Lab.openEdu(mode);
        DmaProbe probe = new DmaProbe(edu)) {
      DmaSpace space = edu.dma();
      space.map(memory.address(), 4 * PAGE, IOVA, DmaAccess.READ_WRITE);
      switch (mode) {
        case VFIO_TYPE1V2_IOMMU, IOMMUFD_COMPAT_TYPE1V2, IOMMUFD, BRIDGE_TYPE1V2 -> {
          Errno split = Lab.onIommufd(mode) ? Errno.ENOENT : Errno.EINVAL;
          refuse(space, IOVA, PAGE, split);
          refuse(space, IOVA + 3 * PAGE, PAGE, split);
          refuse(space, IOVA + PAGE, PAGE, split);
          refuse(space, IOVA - PAGE, 2 * PAGE, split);
          refuse(space, IOVA + 3 * PAGE, 2 * PAGE, split);
          assertThat(probe.writes(IOVA, memory, 0)).isTrue();
          assertThat(probe.writes(IOVA + 3 * PAGE, memory, 3 * PAGE)).isTrue();
          assertThat(space.unmap(IOVA, 4 * PAGE)).isEqualTo(4 * PAGE);
        }
        case VFIO_TYPE1_IOMMU, BRIDGE_TYPE1 -> {
          // A range that starts inside takes nothing, one with the first page takes it whole.
          refuse(space, IOVA + 3 * PAGE, PAGE, null);
          refuse(space, IOVA + PAGE, PAGE, null);
          refuse(space, IOVA + 3 * PAGE, 2 * PAGE, null);
          assertThat(probe.writes(IOVA + 3 * PAGE, memory, 3 * PAGE)).isTrue();
          assertThat(space.unmap(IOVA, PAGE)).isEqualTo(4 * PAGE);
          assertThat(probe.writes(IOVA + 3 * PAGE, memory, 3 * PAGE)).isFalse();
          space.map(memory.address(), 4 * PAGE, IOVA, DmaAccess.READ_WRITE);
          assertThat(space.unmap(IOVA - PAGE, 2 * PAGE)).isEqualTo(4 * PAGE);
        }
        case IOMMUFD_COMPAT_TYPE1 -> {
          // The kernel's compatibility layer cuts instead.
          assertThat(space.unmap(IOVA, PAGE)).isEqualTo(PAGE);
          assertThat(space.unmap(IOVA + 2 * PAGE, PAGE)).isEqualTo(PAGE);
          assertThat(probe.writes(IOVA, memory, 0)).isFalse();
          assertThat(probe.writes(IOVA + PAGE, memory, PAGE)).isTrue();
          assertThat(probe.writes(IOVA + 2 * PAGE, memory, 2 * PAGE)).isFalse();
          assertThat(probe.writes(IOVA + 3 * PAGE, memory, 3 * PAGE)).isTrue();
          assertThat(space.unmap(IOVA - PAGE, 8 * PAGE)).isEqualTo(2 * PAGE);
        }
      }
      space.map(memory.address(), 4 * PAGE, IOVA, DmaAccess.READ_WRITE);
      assertThat(probe.writes(IOVA + 2 * PAGE, memory, 2 * PAGE)).isTrue();
    }
  }

  /** A range with a whole mapping first and a part of another after it. */
  @EveryGroupMode
  void saysWhatIsLeftAfterARangeThatEndsInsideAMapping(VfioMode mode) {
    MappedMemory memory = Memory.pages(3);
    long second = IOVA + PAGE;
    try (AssignedDevice edu = Lab.openEdu(mode);
        DmaProbe probe = new DmaProbe(edu)) {
      DmaSpace space = edu.dma();
      space.map(memory.address(), PAGE, IOVA, DmaAccess.READ_WRITE);
      space.map(memory.address() + PAGE, 2 * PAGE, second, DmaAccess.READ_WRITE);
      switch (mode) {
        case VFIO_TYPE1_IOMMU, BRIDGE_TYPE1 ->
            assertThat(space.unmap(IOVA, 2 * PAGE)).isEqualTo(3 * PAGE);
        case VFIO_TYPE1V2_IOMMU, BRIDGE_TYPE1V2 -> {
          refuse(space, IOVA, 2 * PAGE, Errno.EINVAL);
          assertThat(probe.writes(IOVA, memory, 0)).isTrue();
          assertThat(space.unmap(IOVA, 3 * PAGE)).isEqualTo(3 * PAGE);
        }
        case IOMMUFD_COMPAT_TYPE1 -> {
          assertThat(space.unmap(IOVA, 2 * PAGE)).isEqualTo(2 * PAGE);
          assertThat(probe.writes(second + PAGE, memory, 2 * PAGE)).isTrue();
        }
        case IOMMUFD_COMPAT_TYPE1V2, IOMMUFD -> {
          assertThat(Refusal.of(Reason.INVALID_ARGUMENT, () -> space.unmap(IOVA, 2 * PAGE)).fact())
              .contains("whole mappings below that");
          assertThat(probe.writes(IOVA, memory, 0)).isFalse();
          assertThat(probe.writes(second, memory, PAGE)).isTrue();
          assertThat(space.unmap(second, 2 * PAGE)).isEqualTo(2 * PAGE);
        }
      }
    }
  }

  /** {@code errno} is null where the kernel answers that nothing was unmapped. */
  private static void refuse(DmaSpace space, long iova, long length, Errno errno) {
    long tried = space.tryUnmap(iova, length);
    assertThat(tried < 0 ? Errno.ofResult(tried) : null)
        .as("%d bytes at 0x%x", length, iova)
        .isEqualTo(errno);
    assertThat(tried).isNotPositive();
    Refusal.of(Reason.INVALID_ARGUMENT, errno, () -> space.unmap(iova, length));
  }

  private static long unmapAll(DmaSpace space) {
    return space instanceof Ioas ioas ? ioas.unmapAll() : ((Type1Iommu) space).unmapAll();
  }
}
