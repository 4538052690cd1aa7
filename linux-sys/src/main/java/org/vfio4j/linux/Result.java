// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import org.vfio4j.Errno;

/**
 * What a call of the {@link Kernel} port gives that returns more than a number.
 *
 * @param code 0 or more when the call succeeded, the negative errno when it failed
 * @param value null when it failed
 */
public record Result<T>(long code, T value) {
  public static <T> Result<T> of(T value) {
    return new Result<>(0, value);
  }

  public static <T> Result<T> failed(Errno errno) {
    return new Result<>(errno.result(), null);
  }

  /** With the negative errno that another call of the port returned. */
  public static <T> Result<T> failed(long code) {
    if (code >= 0) {
      throw new IllegalArgumentException(code + " is not the result of a failed call");
    }
    return new Result<>(code, null);
  }

  public boolean isOk() {
    return code >= 0;
  }

  /** The error of a failed call. */
  public Errno errno() {
    return Errno.ofResult(code);
  }

  public T orElse(T other) {
    return isOk() ? value : other;
  }
}
