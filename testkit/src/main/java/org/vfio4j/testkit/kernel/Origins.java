// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.vfio4j.linux.Leaks;
import org.vfio4j.testkit.machine.Held;

/**
 * Where the process asked for what it holds: a stack trace for each, once somebody wants to know.
 */
final class Origins {
  private final Map<Object, Throwable> taken = new LinkedHashMap<>();
  private final List<Held> lost = new ArrayList<>();
  private boolean remembered;

  void remember() {
    remembered = true;
  }

  boolean areRemembered() {
    return remembered;
  }

  /** {@code what} comes into being on the stack of the caller. */
  void taken(Object what) {
    if (remembered) {
      taken.put(what, new Throwable("taken here"));
    }
  }

  void given(Object what) {
    if (remembered) {
      taken.remove(what);
    }
  }

  /**
   * Of what a program gives back itself: when the garbage collector does it, the program lost it.
   */
  void given(Object what, Held.Kind kind, String name) {
    if (remembered) {
      Throwable where = taken.remove(what);
      if (Leaks.isReleasing()) {
        String lostIt = name + ", lost and found by the garbage collector";
        lost.add(new Held(kind, lostIt, Optional.ofNullable(where)));
      }
    }
  }

  /** What the garbage collector had to give back. */
  List<Held> lost() {
    return lost;
  }

  Optional<Throwable> of(Object what) {
    return Optional.ofNullable(taken.get(what));
  }

  /** What is held of a kind, oldest first. */
  <T> Map<T, Throwable> held(Class<T> kind) {
    Map<T, Throwable> held = new LinkedHashMap<>();
    taken.forEach(
        (what, where) -> {
          if (kind.isInstance(what)) {
            held.put(kind.cast(what), where);
          }
        });
    return held;
  }
}
