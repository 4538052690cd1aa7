// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.lab.Memory.PAGE;

import java.util.ArrayList;
import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.Units;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.DmaSpace;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.linux.Linux;
import org.vfio4j.memory.MappedMemory;

/** Mapping: what works, what is refused, and that a refusal loses nothing. */
class DmaMapTest {
  private static final long IOVA = 0x10_0000;
  private static final long MSI_WINDOW = 0xfee0_0000L;
  private static final long BEYOND_39_BITS = 1L << 39;

  @EveryGroupMode
  void mapsWhereTheCallerWants(VfioMode mode) {
    MappedMemory memory = Memory.pages(3);
    try (AssignedDevice edu = Lab.openEdu(mode);
        DmaProbe probe = new DmaProbe(edu)) {
      DmaSpace space = edu.dma();
      space.map(memory.address(), PAGE, IOVA, DmaAccess.READ);
      space.map(memory.address() + PAGE, PAGE, IOVA + PAGE, DmaAccess.WRITE);
      space.map(memory.address() + 2 * PAGE, PAGE, IOVA + 2 * PAGE, DmaAccess.READ_WRITE);
      assertThat(probe.reads(IOVA, memory, 0)).isTrue();
      assertThat(probe.writes(IOVA + PAGE, memory, PAGE)).isTrue();
      assertThat(probe.writes(IOVA + 2 * PAGE, memory, 2 * PAGE)).isTrue();
      assertThat(space.unmap(IOVA, 3 * PAGE)).isEqualTo(3 * PAGE);
    }
  }

  @EveryGroupMode
  void choosesFreeIovas(VfioMode mode) {
    MappedMemory memory = Memory.pages(8);
    try (AssignedDevice edu = Lab.openEdu(mode);
        DmaProbe probe = new DmaProbe(edu)) {
      DmaSpace space = edu.dma();
      // In the way of the choice: where it would begin, and beyond.
      space.map(memory.address(), PAGE, PAGE, DmaAccess.READ);
      space.map(memory.address(), PAGE, 3 * PAGE, DmaAccess.READ);
      List<Long> chosen = new ArrayList<>();
      for (int i = 1; i < 8; i++) {
        long iova = space.map(memory.address() + i * PAGE, PAGE, DmaAccess.READ_WRITE);
        assertThat(iova % PAGE).isZero();
        assertThat(IovaRange.bits(28).contains(iova, PAGE)).as(Units.hex(iova)).isTrue();
        chosen.add(iova);
      }
      assertThat(chosen).doesNotHaveDuplicates().doesNotContain(0L, PAGE, 3 * PAGE);
      assertThat(probe.writes(chosen.get(6), memory, 7 * PAGE)).isTrue();
    }
  }

  @EveryGroupMode
  void refusesWhatIsUnalignedOrEmpty(VfioMode mode) {
    try (Refused refused = new Refused(mode)) {
      refused.map(refused.va, PAGE, IOVA + 0x800, Errno.EINVAL);
      refused.map(refused.va, 0x800, IOVA, Errno.EINVAL);
      refused.map(refused.va + 0x800, PAGE, IOVA, Errno.EINVAL);
      VfioException empty = refused.map(refused.va, 0, IOVA, Errno.EINVAL);
      assertThat(empty.fact()).isEqualTo("the length is 0");
      Refusal.of(
          Reason.INVALID_ARGUMENT, () -> refused.space.map(refused.va, 0, DmaAccess.READ_WRITE));
    }
  }

  @EveryGroupMode
  void refusesWhatOverlaps(VfioMode mode) {
    try (Refused refused = new Refused(mode)) {
      long there = Refused.MAPPED;
      refused.overlap(there, 2 * PAGE);
      refused.overlap(there - PAGE, 2 * PAGE);
      refused.overlap(there + PAGE, 2 * PAGE);
      refused.overlap(there + PAGE, PAGE);
      refused.overlap(there - PAGE, 4 * PAGE);
    }
  }

  @EveryGroupMode
  void refusesWhatIsOutOfRange(VfioMode mode) {
    try (Refused refused = new Refused(mode)) {
      refused.map(refused.va, PAGE, MSI_WINDOW, Errno.EINVAL);
      refused.map(refused.va, 2 * PAGE, MSI_WINDOW - PAGE, Errno.EINVAL);
      VfioException wide = refused.map(refused.va, PAGE, BEYOND_39_BITS, Errno.EINVAL);
      assertThat(wide.fact()).contains("0xfef00000-0x7fffffffff");
      refused.map(refused.va, 2 * PAGE, BEYOND_39_BITS - PAGE, Errno.EINVAL);
      Errno wrap = Lab.onIommufd(mode) ? Errno.EOVERFLOW : Errno.EINVAL;
      refused.map(refused.va, 2 * PAGE, -PAGE, wrap);
      // What lies right beside the reserved range and at the end of the width is there to be used.
      refused.space.map(refused.va, PAGE, MSI_WINDOW - PAGE, DmaAccess.READ);
      refused.space.map(refused.va, PAGE, BEYOND_39_BITS - PAGE, DmaAccess.READ);
    }
  }

  @EveryGroupMode
  void refusesMemoryThatIsNotThere(VfioMode mode) {
    MappedMemory readOnly = Memory.pages(2, Linux.PROT_READ);
    try (Refused refused = new Refused(mode)) {
      VfioException failure = refused.map(Memory.NOWHERE, PAGE, IOVA, Errno.EFAULT);
      assertThat(failure.fact()).contains(Units.range(Memory.NOWHERE, PAGE));
      refused.map(readOnly.address(), PAGE, IOVA, Errno.EFAULT);
      refused.space.map(readOnly.address(), PAGE, IOVA, DmaAccess.READ);
      assertThat(refused.space.unmap(IOVA, PAGE)).isEqualTo(PAGE);
    }
  }

  /** A space with a mapping that has to survive every refusal. */
  private static final class Refused implements AutoCloseable {
    static final long MAPPED = 0x20_0000;

    private final MappedMemory memory = Memory.pages(4);
    private final AssignedDevice edu;
    private final DmaProbe probe;
    private final DmaSpace space;
    private final long va = memory.address();

    Refused(VfioMode mode) {
      edu = Lab.openEdu(mode);
      probe = new DmaProbe(edu);
      space = edu.dma();
      space.map(va, 3 * PAGE, MAPPED, DmaAccess.READ_WRITE);
    }

    VfioException map(long userVa, long length, long iova, Errno errno) {
      return refuse(Reason.INVALID_ARGUMENT, userVa, length, iova, errno);
    }

    void overlap(long iova, long length) {
      VfioException failure = refuse(Reason.OVERLAP, va, length, iova, Errno.EEXIST);
      assertThat(failure.fact()).contains(Units.range(iova, length));
    }

    private VfioException refuse(Reason reason, long userVa, long length, long iova, Errno errno) {
      DmaAccess access = DmaAccess.READ_WRITE;
      int tried = space.tryMap(userVa, length, iova, access);
      assertThat(tried < 0 ? Errno.ofResult(tried) : null)
          .as("%d bytes at %s", length, Units.hex(iova))
          .isEqualTo(errno);
      VfioException failure =
          Refusal.of(reason, errno, () -> space.map(userVa, length, iova, access));
      assertThat(failure.object()).contains(Units.hex(iova));
      return failure;
    }

    /** Nothing was lost, and the space can be used on. */
    @Override
    public void close() {
      try (edu;
          probe) {
        assertThat(probe.writes(MAPPED + 2 * PAGE, memory, 2 * PAGE)).isTrue();
        space.map(va + 3 * PAGE, PAGE, IOVA, DmaAccess.READ_WRITE);
        assertThat(probe.writes(IOVA, memory, 3 * PAGE)).isTrue();
        assertThat(space.unmap(MAPPED, 3 * PAGE)).isEqualTo(3 * PAGE);
      }
    }
  }
}
