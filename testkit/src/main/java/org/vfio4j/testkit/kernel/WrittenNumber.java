// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import org.vfio4j.Errno;

/** A number that is written to an attribute. Source: {@code lib/kstrtox.c}, with base 0. */
final class WrittenNumber {
  private WrittenNumber() {}

  /** Unsigned. EINVAL for what is no number, ERANGE for one with more bits. */
  static long parse(byte[] written, int bits) {
    String text = new String(written, StandardCharsets.ISO_8859_1).split("\0", 2)[0];
    int start = text.startsWith("+") ? 1 : 0;
    int radix = 10;
    if (text.startsWith("0", start)) {
      boolean hex = text.regionMatches(true, start + 1, "x", 0, 1) && isDigit(text, start + 2, 16);
      radix = hex ? 16 : 8;
      start += hex ? 2 : 0;
    }
    int end = start;
    while (isDigit(text, end, radix)) {
      end++;
    }
    KernelError.refuseIf(end == start, Errno.EINVAL);
    BigInteger value = new BigInteger(text.substring(start, end), radix);
    KernelError.refuseIf(value.bitLength() > Long.SIZE, Errno.ERANGE);
    String rest = text.substring(end);
    KernelError.refuseIf(!rest.isEmpty() && !rest.equals("\n"), Errno.EINVAL);
    KernelError.refuseIf(value.bitLength() > bits, Errno.ERANGE);
    return value.longValue();
  }

  /** Whether it is another than 0. EINVAL for everything that is none, or has more than 64 bits. */
  static boolean isTrue(byte[] written) {
    return parseOr(Errno.EINVAL, written, Long.SIZE) != 0;
  }

  /** As {@link #parse}, for who does not tell the errors apart. */
  static long parseOr(Errno error, byte[] written, int bits) {
    try {
      return parse(written, bits);
    } catch (KernelError e) {
      throw KernelError.of(error);
    }
  }

  private static boolean isDigit(String text, int at, int radix) {
    return at < text.length() && Character.digit(text.charAt(at), radix) >= 0;
  }
}
