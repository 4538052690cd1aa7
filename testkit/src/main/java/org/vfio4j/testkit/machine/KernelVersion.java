// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.machine;

/**
 * A release of Linux, and what it has: built with all that VFIO and iommufd can be, unless a method
 * of {@link Machine} says otherwise.
 */
public enum KernelVersion {
  LINUX_5_15(5, 15),
  LINUX_6_1(6, 1),
  LINUX_6_6(6, 6),
  LINUX_6_12(6, 12);

  private final int major;
  private final int minor;

  KernelVersion(int major, int minor) {
    this.major = major;
    this.minor = minor;
  }

  /** Whether this is the given release or a later one. */
  public boolean isAtLeast(int otherMajor, int otherMinor) {
    return major > otherMajor || (major == otherMajor && minor >= otherMinor);
  }

  /** {@code /dev/iommu}, and its compatibility with containers. */
  public boolean hasIommufd() {
    return isAtLeast(6, 2);
  }

  /** {@code /dev/vfio/devices/vfioN}. */
  public boolean hasDeviceNodes() {
    return isAtLeast(6, 6);
  }

  /** {@code vfio-dev/vfioN} in the folder of a device. */
  public boolean hasDeviceFolders() {
    return isAtLeast(6, 1);
  }

  /** The widest access to a BAR that a pread or pwrite makes, in bytes. */
  public int widestRegionAccess() {
    return isAtLeast(6, 10) ? Long.BYTES : Integer.BYTES;
  }

  /** Whether unmapping all of an empty IOAS succeeds; it is ENOENT before. */
  public boolean unmapsNothing() {
    return isAtLeast(6, 12);
  }

  /** As uname shows it. */
  @Override
  public String toString() {
    return "Linux " + major + "." + minor;
  }
}
