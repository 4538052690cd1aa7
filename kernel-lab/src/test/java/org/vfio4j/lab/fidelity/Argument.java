// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

/**
 * A value in a call: a number, or a handle plus a number.
 *
 * @param handle null for a number that is the same on both kernels
 */
public record Argument(Handle handle, long number) {
  private static final long SMALL = 1024;

  public static Argument of(long number) {
    return new Argument(null, number);
  }

  public static Argument of(Handle handle) {
    return new Argument(handle, 0);
  }

  public Argument plus(long more) {
    return new Argument(handle, number + more);
  }

  @Override
  public String toString() {
    if (handle == null) {
      return text(number);
    }
    return number == 0 ? handle.toString() : handle + (number < 0 ? "" : "+") + text(number);
  }

  static String text(long number) {
    return number > -SMALL && number < SMALL
        ? Long.toString(number)
        : "0x" + Long.toHexString(number);
  }
}
