// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.vfio4j.lab.Memory.PAGE;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.linux.Linux;
import org.vfio4j.memory.MappedMemory;

/** What happens when a limit is reached: it is named, and nothing is lost. */
class LimitsTest {
  private static final String ENTRY_LIMIT =
      "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit";

  /** Without CAP_IPC_LOCK, with 2 MiB of locked memory and few file descriptors. */
  @Test
  @Tag("lab")
  @Tag("lab-group")
  @RealKernelOnly("it runs in a process of its own")
  void lockedMemoryAndFileDescriptors() {
    List<String> output =
        ChildJvm.limited(
            List.of(
                "setpriv",
                "--bounding-set=-ipc_lock",
                "prlimit",
                "--memlock=2097152:2097152",
                "--nofile=256:256"),
            WithLimits.class);
    assertThat(output)
        .containsExactlyElementsOf(Lab.modes().stream().map(mode -> mode + " ok").toList());
  }

  /** The mappings of a container; an IOAS has no such limit. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("org.vfio4j.lab.Lab#modesWithEntryLimit")
  @Tag("lab")
  @Tag("lab-group")
  void mappings(VfioMode mode) {
    byte[] before = Lab.KERNEL.readFile(ENTRY_LIMIT).value();
    assertThat(Lab.KERNEL.writeFile(ENTRY_LIMIT, "2".getBytes(US_ASCII))).isPositive();
    MappedMemory memory = Memory.pages(3);
    try (AssignedDevice edu = Lab.openEdu(mode)) {
      edu.dma().map(memory.address(), PAGE, PAGE, DmaAccess.READ);
      edu.dma().map(memory.address(), PAGE, 2 * PAGE, DmaAccess.READ);
      VfioException full =
          Refusal.of(
              Reason.LIMIT,
              Errno.ENOSPC,
              () -> edu.dma().map(memory.address(), PAGE, 3 * PAGE, DmaAccess.READ));
      assertThat(full.fact()).contains(ENTRY_LIMIT + " is 2");
      assertThat(full.hint()).contains("dma_entry_limit");
      Refusal.of(Reason.LIMIT, Errno.ENOSPC, () -> edu.dma().allocate(1));
      assertThat(edu.dma().unmap(PAGE, PAGE)).isEqualTo(PAGE);
      edu.dma().allocate(1).close();
    } finally {
      Lab.KERNEL.writeFile(ENTRY_LIMIT, before);
    }
  }

  /** The process with the limits. */
  static final class WithLimits {
    private static final long MIB = 1 << 20;

    private WithLimits() {}

    public static void main(String[] args) {
      for (VfioMode mode : Lab.modes()) {
        lockedMemory(mode);
        fileDescriptors(mode);
        System.out.println(mode + " ok");
      }
    }

    private static void lockedMemory(VfioMode mode) {
      try (AssignedDevice edu = Lab.openEdu(mode);
          DmaBuffer first = edu.dma().allocate(MIB)) {
        VfioException more =
            Refusal.of(Reason.LIMIT, Errno.ENOMEM, () -> edu.dma().allocate(2 * MIB));
        assertThat(more.fact())
            .isEqualTo("RLIMIT_MEMLOCK is 2 MiB, 1 MiB of it in use by this process, 2 MiB needed");
        assertThat(more.hint()).contains("LimitMEMLOCK", "CAP_IPC_LOCK");
        first.close();
        edu.dma().allocate(2 * MIB).close();
      }
    }

    private static void fileDescriptors(VfioMode mode) {
      List<Integer> taken = new ArrayList<>();
      try {
        int fd = Lab.KERNEL.open("/dev/null", Linux.O_RDWR);
        while (fd >= 0) {
          taken.add(fd);
          fd = Lab.KERNEL.open("/dev/null", Linux.O_RDWR);
        }
        assertThat(Errno.ofResult(fd)).isEqualTo(Errno.EMFILE);
        // One descriptor more each time: every open on the way to the device fails once.
        for (int refused = 0; ; refused++) {
          try {
            Lab.openEdu(mode).close();
            assertThat(refused).isBetween(1, 10);
            return;
          } catch (VfioException e) {
            assertThat(e.reason()).as(e.getMessage()).isEqualTo(Reason.LIMIT);
            assertThat(e.errno()).as(e.getMessage()).contains(Errno.EMFILE);
            assertThat(e.hint()).as(e.getMessage()).contains("ulimit -n");
          }
          Lab.KERNEL.close(taken.remove(taken.size() - 1));
        }
      } finally {
        taken.forEach(Lab.KERNEL::close);
      }
    }
  }
}
