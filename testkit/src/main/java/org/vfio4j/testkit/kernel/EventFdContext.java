// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.List;
import org.vfio4j.Errno;

/**
 * The counter of an eventfd. It is what a device keeps, and not the file: that ends with its last
 * descriptor, whoever has the counter still.
 *
 * <p>Source: {@code struct eventfd_ctx} in {@code fs/eventfd.c}.
 */
final class EventFdContext {
  /** What only a signal reaches. */
  static final long FULL = -1;

  private final Gate gate;
  private final boolean semaphore;
  private final List<Virqfd> watchers = new ArrayList<>();
  private long count;

  EventFdContext(Gate gate, long initial, boolean semaphore) {
    this.gate = gate;
    this.count = initial;
    this.semaphore = semaphore;
  }

  /** eventfd_ctx_fileget(): EINVAL for a file that is none. */
  static EventFdContext of(OpenFile file) {
    KernelError.refuseIf(!(file instanceof EventFdFile), Errno.EINVAL);
    return ((EventFdFile) file).context();
  }

  /** eventfd_signal(): by a device. */
  void signal() {
    if (!isFull()) {
      count++;
    }
    raised();
  }

  void add(long value) {
    count += value;
    raised();
  }

  /** Also by 0: who watches is called all the same. */
  private void raised() {
    List.copyOf(watchers).forEach(Virqfd::raised);
    gate.changed();
  }

  /** eventfd_ctx_do_read(). */
  long take() {
    long taken = semaphore && count != 0 ? 1 : count;
    count -= taken;
    gate.changed();
    return taken;
  }

  boolean isRaised() {
    return count != 0;
  }

  boolean isFull() {
    return count == FULL;
  }

  /** The greatest count of a write is one below the one that says "full". */
  boolean fits(long value) {
    return Long.compareUnsigned(FULL - count, value) > 0;
  }

  /** add_wait_queue(): the last comes first. */
  void watch(Virqfd watcher) {
    watchers.add(0, watcher);
  }

  void unwatch(Virqfd watcher) {
    watchers.remove(watcher);
  }

  /** The file is gone. */
  void hangUp() {
    List.copyOf(watchers).forEach(Virqfd::disable);
  }
}
