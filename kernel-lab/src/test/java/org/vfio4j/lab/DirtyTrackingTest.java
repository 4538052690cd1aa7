// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.lab.Memory.PAGE;
import static org.vfio4j.lab.MockDevice.IO_PAGE;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vfio4j.Errno;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.dma.DirtyBitmap;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.iommufd.NestedHwpt;
import org.vfio4j.iommufd.PagingHwpt;
import org.vfio4j.iommufd.uapi.IommuHwptGetDirtyBitmap;
import org.vfio4j.iommufd.uapi.IommuHwptSetDirtyTracking;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;

/** Which pages were written, bit by bit, by the mock devices of iommufd's self-test. */
@Tag("lab-noiommu")
class DirtyTrackingTest {
  private static final long IOVA = MockDevice.APERTURE;
  private static final int PAGES = 64;

  /** A space with memory, a device on it, and a page table that notes what is written. */
  private interface Scenario {
    void run(Ioas ioas, MockDevice device, PagingHwpt hwpt);
  }

  private static void tracked(Scenario scenario) {
    MappedMemory memory = Memory.pages(PAGES);
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas()) {
      ioas.map(memory.address(), PAGES * PAGE, IOVA, DmaAccess.READ_WRITE);
      try (MockDevice device = MockDevice.attachedTo(ioas);
          PagingHwpt hwpt = ioas.hwpt(device.devId()).dirtyTracking().allocate()) {
        scenario.run(ioas, device, hwpt);
      }
    } finally {
      Lab.KERNEL.munmap(memory);
    }
  }

  private static DirtyBitmap whole(long pageSize) {
    return new DirtyBitmap(IOVA, PAGES * PAGE, pageSize);
  }

  private static List<IovaRange> read(PagingHwpt hwpt) {
    DirtyBitmap bitmap = whole(IO_PAGE);
    hwpt.readDirty(bitmap);
    return bitmap.ranges();
  }

  private static IovaRange pages(long first, long count) {
    return new IovaRange(IOVA + first * IO_PAGE, IOVA + (first + count) * IO_PAGE - 1);
  }

  @Test
  void exactlyWhatWasWrittenIsToldOnce() {
    tracked(
        (ioas, device, hwpt) -> {
          hwpt.setDirtyTracking(true);
          assertThat(read(hwpt)).isEmpty();
          assertThat(MockDevice.write(hwpt, IOVA, 0, 5, 6, 63, 64, 127)).isEqualTo(6);
          assertThat(read(hwpt))
              .containsExactly(pages(0, 1), pages(5, 2), pages(63, 2), pages(127, 1));
          assertThat(read(hwpt)).isEmpty();
        });
  }

  @Test
  void peekingForgetsNothing() {
    tracked(
        (ioas, device, hwpt) -> {
          hwpt.setDirtyTracking(true);
          MockDevice.write(hwpt, IOVA, 3);
          DirtyBitmap bitmap = whole(IO_PAGE);
          hwpt.peekDirty(bitmap);
          assertThat(bitmap.ranges()).containsExactly(pages(3, 1));
          assertThat(read(hwpt)).containsExactly(pages(3, 1));
        });
  }

  @Test
  void bitsAreAdded() {
    tracked(
        (ioas, device, hwpt) -> {
          hwpt.setDirtyTracking(true);
          DirtyBitmap bitmap = whole(IO_PAGE);
          MockDevice.write(hwpt, IOVA, 1);
          hwpt.readDirty(bitmap);
          MockDevice.write(hwpt, IOVA, 9);
          hwpt.readDirty(bitmap);
          assertThat(bitmap.ranges()).containsExactly(pages(1, 1), pages(9, 1));
          bitmap.clear();
          hwpt.readDirty(bitmap);
          assertThat(bitmap.countDirty()).isZero();
        });
  }

  @Test
  void aPartIsReadAndTheRestStays() {
    tracked(
        (ioas, device, hwpt) -> {
          hwpt.setDirtyTracking(true);
          MockDevice.write(hwpt, IOVA, 7, 8, 9, 10);
          DirtyBitmap part = new DirtyBitmap(IOVA + 8 * IO_PAGE, 2 * IO_PAGE, IO_PAGE);
          hwpt.readDirty(part);
          assertThat(part.ranges()).containsExactly(pages(8, 2));
          assertThat(read(hwpt)).containsExactly(pages(7, 1), pages(10, 1));
        });
  }

  /** A bit may stand for more, or less, than the page size of the IOMMU. */
  @ParameterizedTest
  @CsvSource({"512, 4", "1024, 2", "2048, 1", "4096, 1", "65536, 1", "262144, 1"})
  void aBitStandsForWhatTheCallerSays(long pageSize, int bits) {
    tracked(
        (ioas, device, hwpt) -> {
          hwpt.setDirtyTracking(true);
          MockDevice.write(hwpt, IOVA, 33);
          DirtyBitmap bitmap = whole(pageSize);
          hwpt.readDirty(bitmap);
          assertThat(bitmap.countDirty()).isEqualTo(bits);
          assertThat(bitmap.isDirty(IOVA + 33 * IO_PAGE)).isTrue();
        });
  }

  @Test
  void startingForgetsWhatWasNoted() {
    tracked(
        (ioas, device, hwpt) -> {
          hwpt.setDirtyTracking(true);
          MockDevice.write(hwpt, IOVA, 2);
          hwpt.setDirtyTracking(true);
          assertThat(read(hwpt)).isEmpty();
          MockDevice.write(hwpt, IOVA, 2);
          hwpt.setDirtyTracking(false);
          // Off, nothing is told; what was noted is gone when it starts again.
          assertThat(read(hwpt)).isEmpty();
          hwpt.setDirtyTracking(true);
          assertThat(read(hwpt)).isEmpty();
        });
  }

  @Test
  void theWalkEndsAtAHole() {
    tracked(
        (ioas, device, hwpt) -> {
          MappedMemory memory = Memory.pages(2);
          long second = IOVA + (PAGES + 1) * PAGE;
          ioas.map(memory.address(), 2 * PAGE, second, DmaAccess.READ_WRITE);
          hwpt.setDirtyTracking(true);
          MockDevice.write(hwpt, IOVA, 2 * PAGES - 1);
          MockDevice.write(hwpt, second, 0);
          DirtyBitmap bitmap = new DirtyBitmap(IOVA, (PAGES + 3) * PAGE, IO_PAGE);
          hwpt.readDirty(bitmap);
          assertThat(bitmap.ranges()).containsExactly(pages(2 * PAGES - 1, 1));
          // From inside the hole on nothing is found; from the mapping on what is there.
          DirtyBitmap hole = new DirtyBitmap(second - PAGE, 2 * PAGE, IO_PAGE);
          hwpt.readDirty(hole);
          assertThat(hole.countDirty()).isZero();
          DirtyBitmap behind = new DirtyBitmap(second, 2 * PAGE, IO_PAGE);
          hwpt.readDirty(behind);
          assertThat(behind.ranges()).containsExactly(new IovaRange(second, second + IO_PAGE - 1));
          ioas.unmap(second, 2 * PAGE);
        });
  }

  @Test
  void mappingsSideBySideAreOneWalk() {
    tracked(
        (ioas, device, hwpt) -> {
          MappedMemory memory = Memory.pages(1);
          long next = IOVA + PAGES * PAGE;
          ioas.map(memory.address(), PAGE, next, DmaAccess.READ_WRITE);
          hwpt.setDirtyTracking(true);
          MockDevice.write(hwpt, IOVA, 2 * PAGES - 1, 2 * PAGES);
          DirtyBitmap bitmap = new DirtyBitmap(IOVA, (PAGES + 1) * PAGE, IO_PAGE);
          hwpt.readDirty(bitmap);
          assertThat(bitmap.ranges()).containsExactly(pages(2 * PAGES - 1, 2));
        });
  }

  @Test
  void unmappingForgets() {
    tracked(
        (ioas, device, hwpt) -> {
          MappedMemory memory = Memory.pages(1);
          long next = IOVA + PAGES * PAGE;
          ioas.map(memory.address(), PAGE, next, DmaAccess.READ_WRITE);
          hwpt.setDirtyTracking(true);
          MockDevice.write(hwpt, next, 0, 1);
          ioas.unmap(next, PAGE);
          ioas.map(memory.address(), PAGE, next, DmaAccess.READ_WRITE);
          DirtyBitmap bitmap = new DirtyBitmap(next, PAGE, IO_PAGE);
          hwpt.readDirty(bitmap);
          assertThat(bitmap.countDirty()).isZero();
        });
  }

  /** A large bitmap, whose words lie in several pages of the process. */
  @Test
  void randomPagesOfManyAreAllFound() {
    int pages = 1 << 16;
    MappedMemory memory = Memory.pages(PAGES);
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas();
        MockDevice device = MockDevice.attachedTo(ioas);
        PagingHwpt hwpt = ioas.hwpt(device.devId()).dirtyTracking().allocate()) {
      // The same memory again and again: what counts are the IOVAs.
      for (long at = 0; at < pages * IO_PAGE; at += PAGES * PAGE) {
        ioas.map(memory.address(), PAGES * PAGE, IOVA + at, DmaAccess.READ_WRITE);
      }
      hwpt.setDirtyTracking(true);
      Random random = new Random(7);
      TreeSet<Integer> written = new TreeSet<>(List.of(0, pages - 1));
      while (written.size() < 500) {
        written.add(random.nextInt(pages));
      }
      MockDevice.write(hwpt, IOVA, written.stream().mapToInt(page -> page).toArray());
      DirtyBitmap bitmap = new DirtyBitmap(IOVA, pages * IO_PAGE, IO_PAGE);
      hwpt.readDirty(bitmap);
      List<Integer> found = new ArrayList<>();
      for (long page = bitmap.nextDirty(0); page >= 0; page = bitmap.nextDirty(page + 1)) {
        found.add((int) page);
      }
      assertThat(found).containsExactlyElementsOf(written);
    } finally {
      Lab.KERNEL.munmap(memory);
    }
  }

  @Test
  void aDeviceThatCannotIsRefused() {
    tracked(
        (ioas, device, hwpt) -> {
          assertThat(MockDevice.refusal(hwpt, MockDevice.NO_DIRTY)).isEqualTo(Errno.EINVAL);
          try (MockDevice without = MockDevice.attachedTo(ioas, MockDevice.NO_DIRTY)) {
            assertThat(ioas.iommufd().hwInfo(without.devId()).canTrackDirty()).isFalse();
            Refusal.of(
                Reason.NOT_SUPPORTED,
                Errno.EOPNOTSUPP,
                () -> ioas.hwpt(without.devId()).dirtyTracking().allocate());
            assertThat(without.replaceRefusal(hwpt.id())).isEqualTo(Errno.EINVAL);
          }
          assertThat(device.replace(hwpt.id())).isEqualTo(hwpt.id().value());
          device.replace(ioas.id());
        });
  }

  @Test
  void aPageTableWithoutItIsRefused() {
    tracked(
        (ioas, device, hwpt) -> {
          try (PagingHwpt plain = ioas.hwpt(device.devId()).allocate()) {
            Refusal.of(Reason.NOT_SUPPORTED, Errno.EOPNOTSUPP, () -> plain.setDirtyTracking(true));
            Refusal.of(
                Reason.NOT_SUPPORTED,
                Errno.EOPNOTSUPP,
                () -> plain.readDirty(new DirtyBitmap(IOVA, PAGE, PAGE)));
          }
        });
  }

  /** What the typed calls never send. */
  @Test
  void malformedArgumentsAreRefusedInTheKernelsOrder() {
    tracked(
        (ioas, device, hwpt) -> {
          Iommufd iommufd = ioas.iommufd();
          int id = hwpt.id().value();
          NativeBlock bits = new NativeBlock(64);
          assertThat(set(iommufd, id, 2)).isEqualTo(Errno.EOPNOTSUPP);
          assertThat(set(iommufd, 4711, 1)).isEqualTo(Errno.ENOENT);
          assertThat(set(iommufd, ioas.id().value(), 1)).isEqualTo(Errno.ENOENT);
          long data = bits.address();
          assertThat(get(iommufd, id, 2, IOVA, PAGE, PAGE, data)).isEqualTo(Errno.EOPNOTSUPP);
          assertThat(get(iommufd, 4711, 0, IOVA, PAGE, PAGE, data)).isEqualTo(Errno.ENOENT);
          assertThat(get(iommufd, id, 0, IOVA, 0, PAGE, data)).isEqualTo(Errno.EINVAL);
          assertThat(get(iommufd, id, 0, -PAGE, 2 * PAGE, PAGE, data)).isEqualTo(Errno.EOVERFLOW);
          assertThat(get(iommufd, id, 0, IOVA + 1, PAGE, 1, data)).isEqualTo(Errno.EINVAL);
          assertThat(get(iommufd, id, 0, IOVA, PAGE + 1, 1, data)).isEqualTo(Errno.EINVAL);
          assertThat(get(iommufd, id, 0, IOVA, PAGE, 0, data)).isEqualTo(Errno.EINVAL);
          assertThat(get(iommufd, id, 0, IOVA + IO_PAGE, PAGE, PAGE, data)).isEqualTo(Errno.EINVAL);
          // A bitmap that cannot be written loses its bits, without a word.
          hwpt.setDirtyTracking(true);
          MockDevice.write(hwpt, IOVA, 0);
          assertThat(get(iommufd, id, 0, IOVA, PAGE, PAGE, Memory.NOWHERE)).isNull();
          assertThat(read(hwpt)).isEmpty();
        });
  }

  @Test
  void aGuestsPageTableHasNone() {
    MappedMemory memory = Memory.pages(1);
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL);
        Ioas ioas = iommufd.allocateIoas();
        MockDevice device = MockDevice.attachedTo(ioas);
        PagingHwpt parent = ioas.hwpt(device.devId()).nestParent().allocate();
        NestedHwpt nested = parent.nested(device.devId(), MockDevice.table(1)).allocate()) {
      assertThat(set(iommufd, nested.id().value(), 1)).isEqualTo(Errno.ENOENT);
    } finally {
      Lab.KERNEL.munmap(memory);
    }
  }

  private static Errno set(Iommufd iommufd, int hwpt, int flags) {
    IommuHwptSetDirtyTracking set = new IommuHwptSetDirtyTracking().hwptId(hwpt).flags(flags);
    return refusal(Lab.KERNEL.ioctl(iommufd.fd(), IommufdUapi.IOMMU_HWPT_SET_DIRTY_TRACKING, set));
  }

  private static Errno get(
      Iommufd iommufd, int hwpt, int flags, long iova, long length, long pageSize, long data) {
    IommuHwptGetDirtyBitmap get =
        new IommuHwptGetDirtyBitmap()
            .hwptId(hwpt)
            .flags(flags)
            .iova(iova)
            .length(length)
            .pageSize(pageSize)
            .data(data);
    return refusal(Lab.KERNEL.ioctl(iommufd.fd(), IommufdUapi.IOMMU_HWPT_GET_DIRTY_BITMAP, get));
  }

  /** Null for none. */
  private static Errno refusal(int result) {
    return result < 0 ? Errno.ofResult(result) : null;
  }
}
