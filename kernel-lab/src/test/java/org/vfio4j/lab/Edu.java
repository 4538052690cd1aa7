// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

/** Registers of {@code edu} that its driver has no use for: QEMU's {@code docs/specs/edu.rst}. */
final class Edu {
  static final int IDENTIFICATION = 0x00;
  static final int IDENTITY = 0x010000ed;

  /** Gives back the inverse of what was written. */
  static final int LIVENESS = 0x04;

  /** Sets bits of the interrupt status, and interrupts. */
  static final int RAISE = 0x60;

  /** Clears them; the interrupt line goes down with the last. */
  static final int ACKNOWLEDGE = 0x64;

  private Edu() {}
}
