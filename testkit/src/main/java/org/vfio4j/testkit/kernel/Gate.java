// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * The one lock of a fake kernel: it has one processor, and gives it away only to wait.
 *
 * <p>So every call is atomic, and device models see one thread at a time.
 */
final class Gate {
  private static final long NANOS_PER_MILLI = 1_000_000;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  void enter() {
    lock.lock();
  }

  void leave() {
    lock.unlock();
  }

  /** To be called after every change that somebody may wait for. */
  void changed() {
    changed.signalAll();
  }

  /** Begins work that ends by running what it is given, and lets others in until it has. */
  void finish(Consumer<Runnable> work) {
    AtomicBoolean done = new AtomicBoolean();
    work.accept(
        () -> {
          done.set(true);
          changed();
        });
    await(done::get, -1);
  }

  /**
   * Lets others in until it is so.
   *
   * @param timeoutMillis negative waits for ever
   * @return false after the timeout
   */
  boolean await(BooleanSupplier condition, long timeoutMillis) {
    if (timeoutMillis < 0) {
      while (!condition.getAsBoolean()) {
        changed.awaitUninterruptibly();
      }
      return true;
    }
    long end = System.nanoTime() + timeoutMillis * NANOS_PER_MILLI;
    boolean interrupted = false;
    try {
      while (!condition.getAsBoolean()) {
        long left = end - System.nanoTime();
        if (left <= 0) {
          return false;
        }
        try {
          changed.await(left, TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
          // As in a system call: the interrupt is seen afterwards.
          interrupted = true;
        }
      }
      return true;
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
