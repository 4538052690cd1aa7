// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.assertion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.vfio4j.testkit.assertion.VfioAssertions.assertRefused;
import static org.vfio4j.testkit.assertion.VfioAssertions.assertThat;

import org.junit.jupiter.api.Test;
import org.vfio4j.Errno;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.machine.Held;
import org.vfio4j.testkit.machine.KernelVersion;

/** Assertions, and what they say when they do not hold. */
class VfioAssertionsTest {
  private final FakeKernel kernel =
      FakeKernel.of(KernelVersion.LINUX_6_12, machine -> {}).rememberOrigins();

  @Test
  void ofKernels() {
    assertThat(kernel).holdsNothing().hadNoDmaFaults();
    try (Iommufd iommufd = Iommufd.open(kernel)) {
      iommufd.allocateIoas();
      assertThat(kernel).holds(1, Held.Kind.DESCRIPTOR).holds(1, Held.Kind.OBJECT);
      assertThatThrownBy(() -> assertThat(kernel).holdsNothing())
          .isInstanceOf(AssertionError.class)
          .hasMessage(
              "nothing was to be held, and this is:\n  DESCRIPTOR: fd 3, /dev/iommu\n  OBJECT: Ioas 1")
          .satisfies(error -> assertThat(error.getSuppressed()).hasSize(2));
      assertThatThrownBy(() -> assertThat(kernel).holds(1, Held.Kind.PINNED))
          .hasMessage("of PINNED 1 was to be held, and this is: nothing");
    }
    assertThatThrownBy(() -> assertThat(kernel).hadDmaFaultAt(0x1000))
        .hasMessage("DMA at 0x1000 was to fail, and this did: nothing");
  }

  @Test
  void ofRefusals() {
    FakeKernel old = FakeKernel.of(KernelVersion.LINUX_6_1, machine -> {});
    RefusalAssert refused = assertRefused(() -> Iommufd.open(old));
    refused.because(Reason.NOT_IN_KERNEL).with(Errno.ENOENT).of("open").saying("/dev/iommu");
    assertThat(refused.refusal().fact()).isNotBlank();
    assertThatThrownBy(() -> refused.because(Reason.IN_USE))
        .isInstanceOf(AssertionError.class)
        .hasMessageStartingWith("the reason was to be IN_USE, and this is NOT_IN_KERNEL:\nopen of")
        .hasCause(refused.refusal());
    assertThatThrownBy(refused::withoutAskingTheKernel).isInstanceOf(AssertionError.class);
    assertThatThrownBy(() -> assertRefused(() -> {}))
        .hasMessage("a VfioException was to be thrown, and nothing was");
    assertThatThrownBy(() -> assertRefused(() -> Integer.parseInt("x")))
        .hasMessageContaining("NumberFormatException");
  }
}
