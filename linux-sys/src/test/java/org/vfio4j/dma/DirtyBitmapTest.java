// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vfio4j.VfioException;

class DirtyBitmapTest {
  private static final long PAGE = 4096;
  private static final long IOVA = 0x10_0000;

  private static DirtyBitmap pages(long count) {
    return new DirtyBitmap(IOVA, count * PAGE, PAGE);
  }

  /** As the kernel does it. */
  private static void mark(DirtyBitmap bitmap, long... pages) {
    for (long page : pages) {
      int at = (int) (page / 8);
      byte old = bitmap.words().getByte(at);
      bitmap.words().putByte(at, (byte) (old | 1 << page % 8));
    }
  }

  @Test
  void isCleanAtFirst() {
    DirtyBitmap bitmap = pages(65);
    assertThat(bitmap.pages()).isEqualTo(65);
    assertThat(bitmap.words().capacity()).isEqualTo(16);
    assertThat(bitmap.ranges()).isEmpty();
    assertThat(bitmap.countDirty()).isZero();
    assertThat(bitmap.nextDirty(0)).isEqualTo(-1);
    assertThat(bitmap.nextClean(64)).isEqualTo(64);
    assertThat(bitmap.isDirty(IOVA + 64 * PAGE)).isFalse();
  }

  @Test
  void joinsPagesSideBySide() {
    DirtyBitmap bitmap = pages(200);
    mark(bitmap, 0, 62, 63, 64, 65, 130, 199);
    assertThat(bitmap.ranges())
        .containsExactly(
            new IovaRange(IOVA, IOVA + PAGE - 1),
            new IovaRange(IOVA + 62 * PAGE, IOVA + 66 * PAGE - 1),
            new IovaRange(IOVA + 130 * PAGE, IOVA + 131 * PAGE - 1),
            new IovaRange(IOVA + 199 * PAGE, IOVA + 200 * PAGE - 1));
    assertThat(bitmap.countDirty()).isEqualTo(7);
    assertThat(bitmap.nextDirty(66)).isEqualTo(130);
    assertThat(bitmap.nextClean(62)).isEqualTo(66);
    assertThat(bitmap.nextClean(199)).isEqualTo(-1);
    assertThat(bitmap.nextDirty(200)).isEqualTo(-1);
    assertThat(bitmap.isDirty(IOVA + 65 * PAGE + 17)).isTrue();
    bitmap.clear();
    assertThat(bitmap.countDirty()).isZero();
  }

  @Test
  void allDirtyIsOneRange() {
    DirtyBitmap bitmap = new DirtyBitmap(-64 * PAGE, 64 * PAGE, PAGE);
    bitmap.words().putLong(0, -1);
    assertThat(bitmap.ranges()).containsExactly(new IovaRange(-64 * PAGE, -1));
    assertThat(bitmap.isDirty(-1)).isTrue();
  }

  @Test
  void hasNoOtherPages() {
    DirtyBitmap bitmap = pages(2);
    assertThatThrownBy(() -> bitmap.isDirty(IOVA - 1))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> bitmap.isDirty(IOVA + 2 * PAGE))
        .isInstanceOf(IndexOutOfBoundsException.class);
  }

  @ParameterizedTest
  @CsvSource({
    "0, 4096, 0, not a power of two",
    "0, 12288, 3072, not a power of two",
    "2048, 4096, 4096, whole pages",
    "0, 6144, 4096, whole pages",
    "0, 0, 4096, is empty",
    "-4096, 8192, 4096, beyond 64 bits",
    "0, 70368744177664, 1, in parts",
  })
  void refusesWhatTheKernelWouldMisunderstand(long iova, long length, long pageSize, String fact) {
    assertThatThrownBy(() -> new DirtyBitmap(iova, length, pageSize))
        .isInstanceOfSatisfying(VfioException.class, e -> assertThat(e.fact()).contains(fact));
  }
}
