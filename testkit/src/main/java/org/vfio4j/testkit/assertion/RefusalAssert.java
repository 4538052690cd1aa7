// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.assertion;

import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

/** What is expected of a refusal. */
public final class RefusalAssert {
  private final VfioException refusal;

  RefusalAssert(VfioException refusal) {
    this.refusal = refusal;
  }

  public RefusalAssert because(Reason reason) {
    return check(refusal.reason() == reason, "the reason was to be " + reason);
  }

  /** The kernel answered this. */
  public RefusalAssert with(Errno errno) {
    return check(refusal.errno().filter(errno::equals).isPresent(), "the errno was to be " + errno);
  }

  /** It was refused before the kernel was asked. */
  public RefusalAssert withoutAskingTheKernel() {
    return check(refusal.errno().isEmpty(), "the kernel was not to be asked");
  }

  /** Of the call with this name: {@code IOMMU_IOAS_MAP}. */
  public RefusalAssert of(String operation) {
    return check(refusal.operation().equals(operation), operation + " was to fail");
  }

  /** The message, with fact and hint, has this text in it. */
  public RefusalAssert saying(String text) {
    return check(refusal.getMessage().contains(text), "it was to say '" + text + "'");
  }

  /** For questions that are not asked here. */
  public VfioException refusal() {
    return refusal;
  }

  private RefusalAssert check(boolean holds, String expected) {
    if (!holds) {
      throw new AssertionError(
          expected + ", and this is " + refusal.reason() + ":\n" + refusal.getMessage(), refusal);
    }
    return this;
  }
}
