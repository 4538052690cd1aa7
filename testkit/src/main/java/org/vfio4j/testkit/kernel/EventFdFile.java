// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;
import org.vfio4j.linux.Linux;

/** The file of an eventfd. Source: {@code fs/eventfd.c}. */
final class EventFdFile extends OpenFile {
  private static final int SEMAPHORE = 1;

  private final Core core;
  private final EventFdContext context;
  private final boolean blocking;

  EventFdFile(Core core, int initial, int flags) {
    super("anon_inode:[eventfd]");
    KernelError.refuseIf(
        (flags & ~(SEMAPHORE | Linux.EFD_NONBLOCK | Linux.EFD_CLOEXEC)) != 0, Errno.EINVAL);
    this.core = core;
    boolean semaphore = (flags & SEMAPHORE) != 0;
    this.context = new EventFdContext(core.gate(), Integer.toUnsignedLong(initial), semaphore);
    this.blocking = (flags & Linux.EFD_NONBLOCK) == 0;
  }

  EventFdContext context() {
    return context;
  }

  @Override
  long read(UserPointer target, int length) {
    KernelError.refuseIf(length < Long.BYTES, Errno.EINVAL);
    KernelError.refuseIf(!context.isRaised() && !blocking, Errno.EAGAIN);
    core.gate().await(context::isRaised, -1);
    target.putLong(0, context.take());
    return Long.BYTES;
  }

  @Override
  long write(UserPointer source, int length) {
    boolean tooLong = length > Long.BYTES && core.version().isAtLeast(6, 9);
    KernelError.refuseIf(length < Long.BYTES || tooLong, Errno.EINVAL);
    long value = source.getLong(0);
    KernelError.refuseIf(value == EventFdContext.FULL, Errno.EINVAL);
    KernelError.refuseIf(!context.fits(value) && !blocking, Errno.EAGAIN);
    core.gate().await(() -> context.fits(value), -1);
    context.add(value);
    return Long.BYTES;
  }

  @Override
  void release() {
    context.hangUp();
  }

  @Override
  int ready() {
    return (context.isRaised() ? Linux.POLLIN : 0)
        | (context.fits(1) ? Linux.POLLOUT : 0)
        | (context.isFull() ? Linux.POLLERR : 0);
  }
}
