// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

/** What a scenario expects to be told. */
final class Refusal {
  private Refusal() {}

  /** Makes the call, which must be refused with this reason; what was said, for more questions. */
  static VfioException of(Reason reason, ThrowingCallable call) {
    VfioException refusal = catchThrowableOfType(VfioException.class, call);
    assertThat(refusal).as("a refusal with %s", reason).isNotNull();
    assertThat(refusal.reason()).as(refusal.getMessage()).isEqualTo(reason);
    return refusal;
  }

  /**
   * As {@link #of(Reason, ThrowingCallable)}, with the kernel's answer, and with a fact behind it.
   *
   * @param errno null where the call must not reach the kernel
   */
  static VfioException of(Reason reason, Errno errno, ThrowingCallable call) {
    VfioException refusal = of(reason, call);
    assertThat(refusal.errno().orElse(null)).as(refusal.getMessage()).isEqualTo(errno);
    assertThat(refusal.fact()).as(refusal.getMessage()).isNotBlank();
    return refusal;
  }
}
