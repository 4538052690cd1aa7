// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.vfio4j.lab.LabKernels;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.machine.KernelVersion;

/** What recordings hold, and whether anything that differs from them is noticed. */
class TranscriptTest {
  private final Kernel fake = FakeKernel.of(KernelVersion.LINUX_6_12, LabKernels::standard);
  private final World world = new World();
  private final Lane lane = new Lane(fake);
  private final Transcript transcript = new Transcript();

  private static Transcript of(String... lines) {
    Transcript transcript = new Transcript();
    for (String line : lines) {
      transcript.add(line.substring(0, 1), line.substring(1));
    }
    return transcript;
  }

  @Test
  void everythingThatTheKernelWroteIsInTheLine() {
    Handle iommufd = world.handle("iommufd");
    Handle ioas = world.handle("ioas");
    Answer.to(Call.open("/dev/iommu", Linux.O_RDWR, iommufd), lane, transcript);
    Answer.to(
        Call.ioctl("IOMMU_IOAS_ALLOC", 0x3B81, Argument.of(iommufd))
            .u32("size", 0, 12)
            .u32("flags", 4, 0)
            .makesId(ioas, 8),
        lane,
        transcript);
    Answer.to(
        Call.ioctl("IOMMU_IOAS_IOVA_RANGES", 0x3B84, Argument.of(iommufd))
            .u32("size", 0, 32)
            .u32("ioas_id", 4, Argument.of(ioas))
            .u32("num_iovas", 8, 0)
            .area(24, 8),
        lane,
        transcript);
    Answer.to(Call.close(Argument.of(iommufd)), lane, transcript);
    Answer.to(Call.close(Argument.of(iommufd)), lane, transcript);
    assertThat(transcript.lines())
        .containsExactly(
            "iommufd1 = open(/dev/iommu, 2) -> fd",
            "ioas1 = ioctl(iommufd1, IOMMU_IOAS_ALLOC, {size=12, flags=0}) -> 0, ioas1=1",
            "ioctl(iommufd1, IOMMU_IOAS_IOVA_RANGES, {size=32, ioas_id=ioas1, num_iovas=0})"
                + " -> -1 EMSGSIZE, num_iovas=1, @24=01",
            "close(iommufd1) -> 0",
            "close(iommufd1) -> -1 EBADF");
  }

  @Test
  void theFirstOtherAnswerIsTold() {
    assertThat(of("a0", "b1").difference(of("a0", "b1"))).isNull();
    assertThat(of("a0", "b1", "c1").difference(of("a0", "b2", "c2")))
        .startsWith("call 1 is answered otherwise than recorded")
        .endsWith("  a -> 0\n  b\nrecorded of Linux 6.12: 2\nnow: 1");
  }

  @Test
  void otherCallsAreNoAnswers() {
    String[] others = {
      of("a0", "c1").difference(of("a0", "b1")),
      of("a0").difference(of("a0", "b1")),
      of("a0", "b1").difference(of("a0"))
    };
    assertThat(others).allMatch(text -> text.startsWith("The calls are no longer those"));
    assertThat(others).allMatch(text -> text.contains(Recordings.AGAIN));
  }
}
