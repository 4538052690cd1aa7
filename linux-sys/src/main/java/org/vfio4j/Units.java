// SPDX-License-Identifier: Apache-2.0
package org.vfio4j;

/** How this project writes numbers for people: addresses in hex, sizes in binary units. */
public final class Units {
  private static final String[] NAMES = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};

  private Units() {}

  /** {@code 0x} and lower-case digits, unsigned. */
  public static String hex(long value) {
    return "0x" + Long.toHexString(value);
  }

  /** {@code 64 MiB} where that is exact, {@code 4097 bytes} where it is not. Unsigned. */
  public static String bytes(long count) {
    if (count == 1) {
      return "1 byte";
    }
    int unit = 0;
    long number = count;
    while (number != 0 && (number & 1023) == 0 && unit < NAMES.length - 1) {
      number >>>= 10;
      unit++;
    }
    return Long.toUnsignedString(number) + " " + NAMES[unit];
  }

  /** {@code 0x1000-0x1fff}: first and last byte. */
  public static String range(long start, long length) {
    if (length == 0) {
      return "0 bytes at " + hex(start);
    }
    return hex(start) + "-" + hex(start + length - 1);
  }
}
