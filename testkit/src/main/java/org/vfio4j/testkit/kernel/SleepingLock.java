// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * A lock of the kernel's that is held while somebody waits, and so keeps others waiting who came
 * through the {@link Gate} meanwhile: device_lock(), pci_lock_rescan_remove().
 *
 * <p>Whoever has it may be a thread that waits, or work that goes on when the last file is closed,
 * as that of a device that was pulled out.
 */
final class SleepingLock {
  private final Gate gate;
  private final Deque<Runnable> waiting = new ArrayDeque<>();
  private boolean held;

  SleepingLock(Gate gate) {
    this.gate = gate;
  }

  /** Who only tries to get it would not. */
  boolean isHeld() {
    return held;
  }

  /**
   * Takes it for this, now or when those before have let it go; this has to see to {@link #unlock}.
   */
  void whenFree(Runnable holder) {
    if (held) {
      waiting.add(holder);
    } else {
      held = true;
      holder.run();
    }
  }

  void lock() {
    gate.finish(this::whenFree);
  }

  void unlock() {
    Runnable next = waiting.poll();
    if (next == null) {
      held = false;
    } else {
      next.run();
    }
  }
}
