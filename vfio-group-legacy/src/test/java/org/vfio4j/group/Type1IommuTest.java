// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.group.uapi.VfioGroupUapi;

class Type1IommuTest {
  private static final long MEMORY = 0x7f0000000000L;

  private final StubVfio vfio = new StubVfio().member("0000:00:05.0", "vfio-pci");
  private final VfioContainer container = vfio.container();
  private final VfioGroup group = VfioGroup.open(vfio.kernel, 5).join(container);
  private final Type1Iommu dma = container.setIommu(IommuType.TYPE1_V2);

  @AfterEach
  void nothingStaysOpen() {
    dma.close();
    group.close();
    container.close();
    assertThat(vfio.calls).contains("close group").endsWith("close container");
  }

  private static VfioException failure(Runnable call) {
    return catchThrowableOfType(VfioException.class, call::run);
  }

  private long mapAnywhere(long length) {
    return dma.map(MEMORY, length, DmaAccess.READ_WRITE);
  }

  @Test
  void theSearchForAFreeIovaEndsWhateverTheKernelSays() {
    vfio.allowed = List.of();
    vfio.errors.put(VfioGroupUapi.VFIO_IOMMU_MAP_DMA, Errno.EEXIST);
    VfioException e = failure(() -> mapAnywhere(4096));
    assertThat(e.reason()).isEqualTo(Reason.LIMIT);
    assertThat(e.fact()).startsWith("no free range that long was found: the alignment is 4 KiB");
    vfio.errors.clear();
  }

  @Test
  void accessAsTheKernelWritesIt() {
    dma.map(MEMORY, 4096, 0x1000, DmaAccess.READ);
    dma.map(MEMORY, 4096, 0x2000, DmaAccess.WRITE);
    dma.map(MEMORY, 4096, 0x3000, DmaAccess.READ_WRITE);
    assertThat(vfio.calls).endsWith("map 1 1000", "map 2 2000", "map 3 3000");
  }

  @Test
  void theLowestFreeIovaIsChosenAndFreedIsUsedAgain() {
    assertThat(mapAnywhere(4096)).isEqualTo(0x1000);
    dma.map(MEMORY, 4096, 0x3000, DmaAccess.READ);
    assertThat(mapAnywhere(8192)).isEqualTo(0x4000);
    assertThat(mapAnywhere(4096)).isEqualTo(0x2000);
    assertThat(dma.unmap(0x1000, 0x2000)).isEqualTo(8192);
    assertThat(mapAnywhere(8192)).isEqualTo(0x1000);
    assertThat(dma.unmap(0x3000, 4096)).isEqualTo(4096);
    assertThat(mapAnywhere(4096)).isEqualTo(0x3000);
  }

  @Test
  void memoryOfLargePagesGetsAnIovaForLargePages() {
    vfio.allowed = List.of(new IovaRange(0, 0x5f_ffff), new IovaRange(0x60_1000, 0x8f_ffff));
    long huge = 0x20_0000;
    assertThat(dma.map(4 * huge, 4096, DmaAccess.READ)).as("too short").isEqualTo(0x1000);
    assertThat(dma.map(4 * huge + 4096, huge, DmaAccess.READ)).as("not at one").isEqualTo(0x2000);
    assertThat(dma.map(4 * huge, huge, DmaAccess.READ)).isEqualTo(2 * huge);
    assertThat(dma.map(4 * huge, huge, DmaAccess.READ)).as("none left").isEqualTo(0x60_1000);
    assertThat(dma.unmap(2 * huge, huge)).isEqualTo(huge);
    assertThat(dma.map(4 * huge, huge, DmaAccess.READ)).isEqualTo(2 * huge);
  }

  @Test
  void whatWasMappedBeforeTheFirstChoiceIsKnown() {
    dma.map(MEMORY, 0x10000, 0x1000, DmaAccess.READ);
    vfio.mappings.clear();
    assertThat(mapAnywhere(4096)).isEqualTo(0x11000);
  }

  @Test
  void whatSomebodyElseMappedIsSkipped() {
    vfio.mappings.put(0x1000L, 0x8000L);
    assertThat(mapAnywhere(4096)).isGreaterThanOrEqualTo(0x9000);
    vfio.mappings.put(0x20000L, 0xe0000L);
    assertThat(failure(() -> mapAnywhere(0x80000)).reason()).isEqualTo(Reason.LIMIT);
  }

  @Test
  void allowedRangesThatShrinkAreReadAgain() {
    assertThat(mapAnywhere(4096)).isEqualTo(0x1000);
    vfio.allowed = List.of(new IovaRange(0x80000, 0xfffff));
    assertThat(mapAnywhere(4096)).isEqualTo(0x80000);
    assertThat(dma.unmap(0x1000, 4096)).isEqualTo(4096);
    assertThat(mapAnywhere(4096)).isEqualTo(0x81000);
  }

  @Test
  void infoIsReadWithItsChain() {
    assertThat(dma.allowedIovas()).containsExactly(new IovaRange(0, 0xfffff));
    assertThat(dma.iovaAlignment()).isEqualTo(4096);
    assertThat(dma.info().pageSizes()).isEqualTo(0x201000);
    assertThat(dma.info().dmaAvail()).isEmpty();
    vfio.allowed = List.of();
    assertThat(dma.info().iovaRanges()).isEmpty();
    assertThat(dma.allowedIovas()).containsExactly(IovaRange.ALL);
  }

  @Test
  void nothingMappedIsAnErrorOnlyWhereOneIsThrown() {
    assertThat(dma.tryUnmap(0x1000, 4096)).isZero();
    assertThat(dma.releaseMapping(0x1000, 4096)).isZero();
    VfioException e = failure(() -> dma.unmap(0x1000, 4096));
    assertThat(e.reason()).isEqualTo(Reason.INVALID_ARGUMENT);
    assertThat(e.errno()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "EEXIST,OVERLAP",
    "ENOMEM,LIMIT",
    "ENOSPC,LIMIT",
    "EFAULT,INVALID_ARGUMENT",
    "EINVAL,INVALID_ARGUMENT",
    "EOVERFLOW,INVALID_ARGUMENT",
    "ENODEV,WRONG_STATE",
    "EIO,OTHER"
  })
  void mapErrnos(Errno errno, Reason reason) {
    vfio.files.put("/sys/module/vfio_iommu_type1/parameters/dma_entry_limit", "7\n");
    vfio.errors.put(VfioGroupUapi.VFIO_IOMMU_MAP_DMA, errno);
    assertThat(dma.tryMap(MEMORY, 4096, 0x1000, DmaAccess.READ)).isEqualTo(errno.result());
    VfioException e = failure(() -> dma.map(MEMORY, 4096, 0x1000, DmaAccess.READ));
    assertThat(e.reason()).isEqualTo(reason);
    assertThat(e.errno()).contains(errno);
    switch (errno) {
      case ENOSPC -> assertThat(e.fact()).endsWith("dma_entry_limit is 7");
      case EINVAL -> assertThat(e.fact()).contains("4 KiB", "0x0-0xfffff");
      case ENOMEM -> assertThat(e.fact()).contains("RLIMIT_MEMLOCK");
      default -> {}
    }
  }

  @ParameterizedTest
  @CsvSource({
    "EINVAL,INVALID_ARGUMENT",
    "ENOENT,INVALID_ARGUMENT",
    "EOVERFLOW,INVALID_ARGUMENT",
    "EBUSY,IN_USE",
    "ENODEV,WRONG_STATE",
    "EIO,OTHER"
  })
  void unmapErrnos(Errno errno, Reason reason) {
    vfio.errors.put(VfioGroupUapi.VFIO_IOMMU_UNMAP_DMA, errno);
    VfioException e = failure(() -> dma.unmap(0x1000, 4096));
    assertThat(e.reason()).isEqualTo(reason);
    assertThat(e.errno()).contains(errno);
    // Whatever it was, it does not say that devices no longer reach the memory.
    assertThat(dma.releaseMapping(0x1000, 4096)).isEqualTo(errno.result());
    vfio.errors.clear();
  }

  @Test
  void mappingsGoWithTheLastGroup() {
    long iova = mapAnywhere(4096);
    group.leave();
    assertThat(dma.tryUnmap(iova, 4096)).isEqualTo(Errno.EINVAL.result());
    assertThat(dma.releaseMapping(iova, 4096)).isZero();
    assertThat(failure(() -> dma.map(MEMORY, 4096, 0x1000, DmaAccess.READ)).reason())
        .isEqualTo(Reason.WRONG_STATE);
    assertThat(failure(dma::unmapAll).reason()).isEqualTo(Reason.WRONG_STATE);

    group.join(container);
    assertThat(failure(() -> container.setIommu(IommuType.TYPE1_V2)).reason())
        .isEqualTo(Reason.WRONG_STATE);
    dma.close();
    container.setIommu(IommuType.TYPE1_V2).close();
  }

  @Test
  void closingRemovesWhatIsLeft() {
    mapAnywhere(4096);
    dma.close();
    assertThat(vfio.mappings).isEmpty();
    assertThat(vfio.calls).endsWith("unmap all");
    assertThat(failure(() -> mapAnywhere(4096)).reason()).isEqualTo(Reason.CLOSED);
  }

  @Test
  void unmapAllFreesEveryIova() {
    mapAnywhere(4096);
    mapAnywhere(4096);
    assertThat(dma.unmapAll()).isEqualTo(8192);
    assertThat(vfio.lastUnmapFlags).isEqualTo(VfioGroupUapi.VFIO_DMA_UNMAP_FLAG_ALL);
    assertThat(dma.unmapAll()).isZero();
    assertThat(mapAnywhere(4096)).isEqualTo(0x1000);
  }
}
