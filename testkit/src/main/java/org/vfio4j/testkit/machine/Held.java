// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.machine;

import java.util.Optional;

/**
 * Something that a fake kernel holds for the program: what a program must have given back at its
 * end.
 *
 * @param what for people: {@code fd 5, /dev/iommu}
 * @param takenAt where the program asked for it, if the kernel was told to remember that
 */
public record Held(Kind kind, String what, Optional<Throwable> takenAt) {
  /** What it is. */
  public enum Kind {
    /** An open file descriptor. */
    DESCRIPTOR,
    /** Mapped memory: of a device, or anonymous. */
    MAPPING,
    /** Memory that a device may reach, which therefore cannot move. */
    PINNED,
    /** An object of an iommufd. */
    OBJECT
  }

  @Override
  public String toString() {
    return kind + ": " + what;
  }
}
