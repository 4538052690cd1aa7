// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.linux.Linux;

/** An eventfd: a counter. Source: {@code fs/eventfd.c}. */
final class EventFdFile extends OpenFile {
  private static final int SEMAPHORE = 1;
  private static final long FULL = -1;

  private final Gate gate;
  private final boolean semaphore;
  private final boolean blocking;
  private final List<Virqfd> watchers = new ArrayList<>();
  private long count;

  EventFdFile(Gate gate, int initial, int flags) {
    super("anon_inode:[eventfd]");
    KernelError.refuseIf(
        (flags & ~(SEMAPHORE | Linux.EFD_NONBLOCK | Linux.EFD_CLOEXEC)) != 0, Errno.EINVAL);
    this.gate = gate;
    this.count = Integer.toUnsignedLong(initial);
    this.semaphore = (flags & SEMAPHORE) != 0;
    this.blocking = (flags & Linux.EFD_NONBLOCK) == 0;
  }

  /** eventfd_signal(): by a device. */
  void signal() {
    if (count != FULL) {
      count++;
    }
    changed();
  }

  /** Takes the count, as who watches in the kernel does. */
  long take() {
    long taken = count;
    count = 0;
    return taken;
  }

  boolean isRaised() {
    return count != 0;
  }

  void watch(Virqfd watcher) {
    watchers.add(watcher);
  }

  void unwatch(Virqfd watcher) {
    watchers.remove(watcher);
  }

  @Override
  long read(UserPointer target, int length) {
    KernelError.refuseIf(length < Long.BYTES, Errno.EINVAL);
    KernelError.refuseIf(count == 0 && !blocking, Errno.EAGAIN);
    gate.await(() -> count != 0, -1);
    long value = semaphore ? 1 : count;
    count -= value;
    target.putLong(0, value);
    gate.changed();
    return Long.BYTES;
  }

  @Override
  long write(UserPointer source, int length) {
    KernelError.refuseIf(length < Long.BYTES, Errno.EINVAL);
    long value = source.getLong(0);
    KernelError.refuseIf(value == FULL, Errno.EINVAL);
    KernelError.refuseIf(!fits(value) && !blocking, Errno.EAGAIN);
    gate.await(() -> fits(value), -1);
    count += value;
    if (value != 0) {
      changed();
    }
    return Long.BYTES;
  }

  /** The greatest count is one below the one that says "full". */
  private boolean fits(long value) {
    return Long.compareUnsigned(FULL - count, value) > 0;
  }

  @Override
  void release() {
    watchers.forEach(Virqfd::hungUp);
    watchers.clear();
  }

  @Override
  int ready() {
    return (count != 0 ? Linux.POLLIN : 0)
        | (fits(1) ? Linux.POLLOUT : 0)
        | (count == FULL ? Linux.POLLERR : 0);
  }

  private void changed() {
    List.copyOf(watchers).forEach(Virqfd::raised);
    gate.changed();
  }
}
