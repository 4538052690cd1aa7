// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.assertion;

import org.vfio4j.VfioException;
import org.vfio4j.testkit.FakeKernel;

/**
 * Where assertions begin; to be imported statically. They go together with those of AssertJ of the
 * same names.
 *
 * <pre>{@code
 * assertThat(kernel).holdsNothing().hadNoDmaFaults();
 * assertRefused(() -> group.join(container)).because(Reason.NOT_VIABLE).with(Errno.EPERM).saying("ahci");
 * }</pre>
 */
public final class VfioAssertions {
  private VfioAssertions() {}

  /** A call that may throw anything. */
  @FunctionalInterface
  public interface Call {
    void run() throws Throwable;
  }

  public static FakeKernelAssert assertThat(FakeKernel kernel) {
    return new FakeKernelAssert(kernel);
  }

  /** Makes a call, which must throw a {@link VfioException}, for more questions about that. */
  public static RefusalAssert assertRefused(Call call) {
    try {
      call.run();
    } catch (VfioException refusal) {
      return new RefusalAssert(refusal);
    } catch (Throwable other) {
      throw new AssertionError("a VfioException was to be thrown, and this was: " + other, other);
    }
    throw new AssertionError("a VfioException was to be thrown, and nothing was");
  }
}
