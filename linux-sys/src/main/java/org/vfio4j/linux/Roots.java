// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

/**
 * Where the kernel's file systems are: the only source of such paths in this project.
 *
 * <p>They are elsewhere in a container that mounts the host's /sys under another name, and in
 * tests.
 *
 * @param sys usually {@code /sys}
 * @param dev usually {@code /dev}
 * @param proc usually {@code /proc}
 */
public record Roots(String sys, String dev, String proc) {
  /** Where Linux has them. */
  public static final Roots DEFAULT = new Roots("/sys", "/dev", "/proc");

  /** {@code /sys/} and {@code path}. */
  public String sys(String path) {
    return sys + "/" + path;
  }

  /** {@code /dev/} and {@code path}. */
  public String dev(String path) {
    return dev + "/" + path;
  }

  /** {@code /proc/} and {@code path}. */
  public String proc(String path) {
    return proc + "/" + path;
  }
}
