// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import java.lang.System.Logger.Level;
import java.lang.ref.Cleaner;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/**
 * Tells of objects that were never closed.
 *
 * <p>An object that the program lost is released when the garbage collector finds it, in the order
 * that is safe for the device, and reported here: to every listener, or as a warning of the logger
 * {@code org.vfio4j.leaks} where there is none. With the system property {@code
 * org.vfio4j.leaks.trace=true} the report says where the object was opened, at the price of a stack
 * trace for each.
 *
 * <p>Thread safe. Listeners run on the thread of the {@link Cleaner}.
 */
public final class Leaks {
  static final Cleaner CLEANER = Cleaner.create();

  private static final boolean TRACE = Boolean.getBoolean("org.vfio4j.leaks.trace");
  private static final List<Consumer<Leak>> LISTENERS = new CopyOnWriteArrayList<>();

  private static final ThreadLocal<Boolean> RELEASING = ThreadLocal.withInitial(() -> false);

  private Leaks() {}

  /**
   * Whether the calling thread is giving back what the program lost, so that the calls that it
   * makes are not the program's.
   */
  public static boolean isReleasing() {
    return RELEASING.get();
  }

  static void releasing(boolean now) {
    RELEASING.set(now);
  }

  /**
   * An object that was not closed.
   *
   * @param object what it was
   * @param openedAt where it was opened, if that was recorded
   * @param failure what went wrong when it was released, if anything did
   */
  public record Leak(String object, Optional<Throwable> openedAt, Optional<Throwable> failure) {}

  /** Calls {@code listener} for every leak from now on, until the result is closed. */
  public static Registration listen(Consumer<Leak> listener) {
    LISTENERS.add(listener);
    return () -> LISTENERS.remove(listener);
  }

  /** A listener's place in the list. */
  @FunctionalInterface
  public interface Registration extends AutoCloseable {
    @Override
    void close();
  }

  static Throwable openedHere(String object) {
    return TRACE ? new Throwable(object + " was opened here") : null;
  }

  static void report(Leak leak) {
    for (Consumer<Leak> listener : LISTENERS) {
      try {
        listener.accept(leak);
      } catch (RuntimeException e) {
        // The others are to hear of it all the same.
        System.getLogger("org.vfio4j.leaks").log(Level.WARNING, "a listener failed", e);
      }
    }
    if (LISTENERS.isEmpty()) {
      System.getLogger("org.vfio4j.leaks")
          .log(
              Level.WARNING,
              leak.object() + " was never closed; the garbage collector released it",
              leak.failure().or(leak::openedAt).orElse(null));
    }
  }
}
