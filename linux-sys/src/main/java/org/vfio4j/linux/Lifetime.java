// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Optional;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

/**
 * When a kernel object may be released: it is closed once, and released once, when it is closed and
 * neither a running call nor a child needs it any more.
 *
 * <p>This one counter gives three promises: no call is made on a closed or reused file descriptor,
 * whatever the threads do; parents stay open as long as a child needs them, in whatever order they
 * are closed; and what the program lost is released children first.
 *
 * <p>Thread safe, without locks. {@link #enter} and {@link #leave} allocate nothing.
 */
public final class Lifetime {
  /** Sign bit: closed. The other bits count the holds, of which the owner's is the first. */
  private static final int CLOSED = Integer.MIN_VALUE;

  private static final VarHandle STATE;

  static {
    try {
      STATE = MethodHandles.lookup().findVarHandle(Lifetime.class, "state", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final String name;
  private final Runnable release;
  private final Lifetime[] parents;
  private final Throwable openedAt;

  @SuppressWarnings("unused") // through STATE
  private volatile int state = 1;

  /**
   * Begins the life of an object, which holds its parents from here on.
   *
   * @param name what it is, for messages
   * @param release gives it back to the kernel; must not refer to the Java object that the program
   *     holds, or that could never be found to be lost
   * @throws VfioException ({@link Reason#CLOSED}) when a parent is closed
   */
  public Lifetime(String name, Runnable release, Lifetime... parents) {
    this.name = name;
    this.release = release;
    this.parents = parents.clone();
    this.openedAt = Leaks.openedHere(name);
    for (int held = 0; held < parents.length; held++) {
      try {
        parents[held].enter();
      } catch (VfioException e) {
        while (--held >= 0) {
          parents[held].leave();
        }
        throw e;
      }
    }
  }

  /** What it is, for messages. */
  public String name() {
    return name;
  }

  /** Whether {@link #close} was called, though a child may still keep the object from going. */
  public boolean isClosed() {
    return state < 0;
  }

  /**
   * Holds the object: until {@link #leave} it will not be released.
   *
   * @throws VfioException ({@link Reason#CLOSED}) when it is closed
   */
  public void enter() {
    int seen;
    do {
      seen = state;
      if (seen < 0) {
        throw VfioException.failed(Reason.CLOSED, "use")
            .on("of " + name)
            .fact("it was closed before")
            .build();
      }
    } while (!STATE.compareAndSet(this, seen, seen + 1));
  }

  /** Ends a hold that {@link #enter} began; releases the object when it was the last. */
  public void leave() {
    int left = (int) STATE.getAndAdd(this, -1) - 1;
    if (left == CLOSED) {
      release();
    }
  }

  /**
   * Closes the object; does nothing the second time.
   *
   * @throws VfioException when the kernel refuses the release
   */
  public void close() {
    int seen;
    do {
      seen = state;
      if (seen < 0) {
        return;
      }
    } while (!STATE.compareAndSet(this, seen, seen | CLOSED));
    leave();
  }

  /** Closes an object that the program lost, and says so. */
  void lost() {
    if (isClosed()) {
      return;
    }
    Throwable failure = null;
    Leaks.releasing(true);
    try {
      close();
    } catch (RuntimeException e) {
      failure = e;
    } finally {
      Leaks.releasing(false);
    }
    Leaks.report(new Leaks.Leak(name, Optional.ofNullable(openedAt), Optional.ofNullable(failure)));
  }

  /**
   * Gives the object back, then its parents, all of them whatever fails; the first failure wins.
   */
  private void release() {
    Throwable failure = null;
    try {
      release.run();
    } catch (RuntimeException | Error e) {
      failure = e;
    }
    for (int i = parents.length - 1; i >= 0; i--) {
      try {
        parents[i].leave();
      } catch (RuntimeException | Error e) {
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    if (failure instanceof Error) {
      throw (Error) failure;
    }
    if (failure != null) {
      throw (RuntimeException) failure;
    }
  }

  @Override
  public String toString() {
    return name + (isClosed() ? " (closed)" : "");
  }
}
