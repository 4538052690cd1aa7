// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.lab.Memory.PAGE;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.dma.PageSize;
import org.vfio4j.iommufd.Ioas;

/** Memory for devices: zeroed, rounded up, and of large pages where that is asked for. */
class DmaAllocationTest {
  private static final long HUGE = 2L << 20;

  @EveryGroupMode
  void isZeroedAndOfWholePages(VfioMode mode) {
    try (AssignedDevice edu = Lab.openEdu(mode);
        DmaBuffer buffer = edu.dma().allocate(PAGE + 1)) {
      assertThat(buffer.size()).isEqualTo(2 * PAGE);
      byte[] content = new byte[(int) buffer.size()];
      buffer.memory().read(0, content, 0, content.length);
      assertThat(content).containsOnly(0);
    }
  }

  @EveryGroupMode
  @RealKernelOnly("the machine of the build has no huge pages set aside")
  void comesInHugePages(VfioMode mode) {
    try (AssignedDevice edu = Lab.openEdu(mode);
        DmaProbe probe = new DmaProbe(edu);
        DmaBuffer buffer = edu.dma().allocate(1, PageSize.HUGE_2M)) {
      assertThat(buffer.size()).isEqualTo(HUGE);
      long end = HUGE - PAGE;
      assertThat(probe.writes(buffer.iova() + end, buffer.memory(), end)).isTrue();
    }
  }

  /** What the IOMMU really has, which only a kernel as new as 6.12 shows. */
  @ParameterizedTest(name = "{0}")
  @EnumSource(VfioMode.class)
  @Tag("lab")
  @RealKernelOnly("it reads the table of the IOMMU in debugfs")
  void hugePagesAreOneEntryOfTheIommu(VfioMode mode) {
    try (AssignedDevice edu = Lab.openEdu(mode);
        DmaBuffer huge = edu.dma().allocate(HUGE, PageSize.HUGE_2M)) {
      // The compatibility layer's type1 splits whatever it is asked to, and so maps small pages.
      long entries = mode == VfioMode.IOMMUFD_COMPAT_TYPE1 ? 512 : 1;
      assertThat(entries(huge)).isEqualTo(entries);
    }
  }

  @Test
  @Tag("lab")
  @RealKernelOnly("it reads the table of the IOMMU in debugfs")
  void theIommuKeepsToSmallPagesWhereItIsTold() {
    try (AssignedDevice edu = Lab.openEdu(VfioMode.IOMMUFD)) {
      Ioas ioas = (Ioas) edu.dma();
      ioas.setHugePages(false);
      try (DmaBuffer huge = ioas.allocate(HUGE, PageSize.HUGE_2M)) {
        assertThat(entries(huge)).isEqualTo(512);
      }
    }
  }

  @EveryGroupMode
  void saysThatNoHugePagesAreSetAside(VfioMode mode) {
    try (AssignedDevice edu = Lab.openEdu(mode)) {
      VfioException none = Refusal.of(Reason.LIMIT, () -> edu.dma().allocate(1, PageSize.HUGE_1G));
      assertThat(none.fact()).contains("1 GiB");
      assertThat(none.hint()).contains("hugepages-1048576kB/nr_hugepages");
      VfioException many =
          Refusal.of(Reason.LIMIT, () -> edu.dma().allocate(1L << 40, PageSize.HUGE_2M));
      assertThat(many.hint()).contains("hugepages-2048kB/nr_hugepages");
      Refusal.of(Reason.INVALID_ARGUMENT, null, () -> edu.dma().allocate(0));
      Refusal.of(Reason.INVALID_ARGUMENT, null, () -> edu.dma().allocate(-1));
      try (DmaBuffer small = edu.dma().allocate(1)) {
        assertThat(small.size()).isEqualTo(PAGE);
      }
    }
  }

  /** How many leaves of VT-d's table for edu the buffer takes. */
  private static long entries(DmaBuffer buffer) {
    Path table =
        Path.of("/sys/kernel/debug/iommu/intel", Lab.EDU.toString(), "domain_translation_struct");
    long first = buffer.iova() / PAGE;
    long end = first + buffer.size() / PAGE;
    try (Stream<String> lines = Files.lines(table)) {
      return lines
          .filter(line -> line.startsWith("0x"))
          .map(line -> Long.decode(line.substring(0, line.indexOf(' '))))
          .filter(page -> page >= first && page < end)
          .count();
    } catch (IOException e) {
      throw new AssertionError(table.toString(), e);
    }
  }
}
