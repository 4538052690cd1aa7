// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.scenarios;

/**
 * How a scenario ended.
 *
 * @param name its class, its method, and the arguments
 * @param end in words: "passed" if all is well
 * @param realOnly whether the fake cannot show it
 */
record Verdict(String name, String end, boolean realOnly) {
  static final String PASSED = "passed";

  private static final String REAL_ONLY = " (real kernel only)";

  /** One line, that {@link #of} takes. */
  @Override
  public String toString() {
    return end + ": " + name.replace('\n', ' ') + (realOnly ? REAL_ONLY : "");
  }

  static Verdict of(String line) {
    boolean realOnly = line.endsWith(REAL_ONLY);
    int colon = line.indexOf(": ");
    int end = line.length() - (realOnly ? REAL_ONLY.length() : 0);
    return new Verdict(line.substring(colon + 2, end), line.substring(0, colon), realOnly);
  }
}
