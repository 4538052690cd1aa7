// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.coverage;

import java.util.Comparator;

/**
 * A release of Linux.
 *
 * @param certain whether it is certain that this one was the first to have what is asked about
 */
public record Release(int major, int minor, boolean certain) implements Comparable<Release> {
  private static final Comparator<Release> ORDER =
      Comparator.comparingInt(Release::major).thenComparingInt(Release::minor);

  /** Of {@code 6.12}, or {@code 7.3?} where it is not certain. */
  public static Release of(String text) {
    boolean certain = !text.endsWith("?");
    String[] parts = (certain ? text : text.substring(0, text.length() - 1)).split("\\.");
    if (parts.length != 2) {
      throw new IllegalArgumentException("no release of Linux: " + text);
    }
    return new Release(Integer.parseInt(parts[0]), Integer.parseInt(parts[1]), certain);
  }

  /** Whether this is a later one. */
  public boolean isAfter(int otherMajor, int otherMinor) {
    return compareTo(new Release(otherMajor, otherMinor, true)) > 0;
  }

  @Override
  public int compareTo(Release other) {
    return ORDER.compare(this, other);
  }

  @Override
  public String toString() {
    return major + "." + minor + (certain ? "" : "?");
  }
}
