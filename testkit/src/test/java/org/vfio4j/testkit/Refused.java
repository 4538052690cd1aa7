// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;

/** What a test expects to be refused. */
final class Refused {
  private Refused() {}

  /** Makes the call, which the kernel must refuse with this errno. */
  static VfioException with(Errno errno, ThrowingCallable call) {
    VfioException refusal = catchThrowableOfType(VfioException.class, call);
    assertThat(refusal).as("a refusal with %s", errno).isNotNull();
    assertThat(refusal.errno()).as(refusal.getMessage()).contains(errno);
    return refusal;
  }
}
