// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.coverage;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.memory.NativeBlock;

/** What counts as shown by a test, and what does not. */
class SightingsTest {
  private static final int FD = 5;
  private static final int IOAS_ALLOC = 0x3B81;
  private static final int GET_REGION_INFO = 0x3B6C;
  private static final int IOAS_MAP = 0x3B85;
  private static final int DIRTY_PAGES = 0x3B75;
  private static final int FAULT_QUEUE_ALLOC = 0x3B8E;

  private final Sightings sightings = new Sightings(Inventory.load());

  private void call(int request, Errno errno) {
    sightings.ioctl(FD, request, 16L, errno == null ? 0 : errno.result());
  }

  @Test
  void whatComesByChanceShowsNothing() {
    sightings.opened(FD, "/dev/iommu");
    sightings.test("OneTest");
    call(IOAS_ALLOC, Errno.EFAULT);
    sightings.randomTest();
    call(IOAS_ALLOC, Errno.EPERM);
    sightings.test("OtherTest");
    call(IOAS_MAP, Errno.EFAULT);
    assertThat(sightings.all().keySet()).containsExactly("OneTest", "OtherTest");
    assertThat(sightings.all().get("OneTest"))
        .containsExactlyInAnyOrder("IOMMU_IOAS_ALLOC", "IOMMU_IOAS_ALLOC:EFAULT");
    assertThat(sightings.all().get("OtherTest"))
        .containsExactlyInAnyOrder("IOMMU_IOAS_MAP", "IOMMU_IOAS_MAP:EFAULT");
  }

  /** Who calls very often is not looked at any more, but for answers that are new. */
  @Test
  void aNewAnswerAfterVeryManyIsSeen() {
    sightings.opened(FD, "/dev/iommu");
    sightings.test("OneTest");
    for (int i = 0; i < 30_000; i++) {
      call(IOAS_ALLOC, null);
    }
    call(IOAS_ALLOC, Errno.ENOMEM);
    assertThat(sightings.all().get("OneTest")).contains("IOMMU_IOAS_ALLOC:ENOMEM");
  }

  /** Numbers that a container and a POWER server's have for different calls. */
  @Test
  void noCallIsOneOfAPowerServer() {
    sightings.opened(FD, "/dev/vfio/vfio");
    sightings.test("OneTest");
    call(DIRTY_PAGES, Errno.EFAULT);
    assertThat(sightings.all().get("OneTest"))
        .containsExactlyInAnyOrder("VFIO_IOMMU_DIRTY_PAGES", "VFIO_IOMMU_DIRTY_PAGES:EFAULT");
  }

  /** Subtype 1 is another thing for each type of region. */
  @Test
  void aNumberThatDependsOnAnotherFieldCountsOnlyWithIt() {
    int cap = 32;
    NativeBlock info = new NativeBlock(64);
    info.putInt(0, 64);
    info.putInt(4, 8);
    info.putInt(12, cap);
    info.putShort(cap, (short) 2);
    info.putInt(cap + 8, 1);
    info.putInt(cap + 12, 1);
    sightings.test("OneTest");
    sightings.ioctl(FD, GET_REGION_INFO, info, 0);
    assertThat(sightings.all().get("OneTest"))
        .contains("VFIO_REGION_TYPE_GFX", "VFIO_REGION_SUBTYPE_GFX_EDID")
        .doesNotContain("VFIO_REGION_SUBTYPE_CCW_ASYNC_CMD");
  }

  /** The number of a closed fault queue is given to something else, to which a 1 is written. */
  @Test
  void whatIsWrittenToAnotherFileIsNoAnswerToAFault() {
    int queue = FD + 1;
    NativeBlock allocated = new NativeBlock(16);
    allocated.putInt(12, queue);
    NativeBlock one = new NativeBlock(Long.BYTES);
    one.putInt(0, 1);
    sightings.opened(FD, "/dev/iommu");
    sightings.test("OneTest");
    sightings.ioctl(FD, FAULT_QUEUE_ALLOC, allocated, 0);
    sightings.transferred(queue, one, Long.BYTES, false);
    assertThat(sightings.all().get("OneTest")).contains("IOMMUFD_PAGE_RESP_SUCCESS");
    sightings.test("OtherTest");
    sightings.closed(queue);
    sightings.transferred(queue, one, Long.BYTES, false);
    assertThat(sightings.all().get("OtherTest")).isEmpty();
  }
}
