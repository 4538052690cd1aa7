// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import java.util.EnumSet;
import java.util.Set;
import java.util.function.Predicate;

/** Bits of the kernel as a set of their names. */
final class Flags {
  private Flags() {}

  /** The flags of {@code type} that are set; bits without a name are left out. */
  static <F extends Enum<F>> Set<F> set(Class<F> type, Predicate<F> isSet) {
    Set<F> flags = EnumSet.allOf(type);
    flags.removeIf(isSet.negate());
    return flags;
  }
}
