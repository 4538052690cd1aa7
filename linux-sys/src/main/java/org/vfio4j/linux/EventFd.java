// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.memory.NativeBlock;

/**
 * A counter in the kernel that is raised by one side and taken by the other: how VFIO tells of
 * interrupts.
 *
 * <p>Thread safe. Waiting and taking allocate nothing. Closing wakes every thread that waits; each
 * of them gets a {@link Reason#CLOSED}.
 */
public final class EventFd extends FileObject {
  private static final int COUNTER_SIZE = 8;

  private static final ThreadLocal<NativeBlock> COUNTER =
      ThreadLocal.withInitial(() -> new NativeBlock(COUNTER_SIZE));
  private static final ThreadLocal<PollSet> POLL = ThreadLocal.withInitial(() -> new PollSet(1));

  private EventFd(Kernel kernel, int fd, String name) {
    super(kernel, fd, name);
  }

  /**
   * A new counter at 0.
   *
   * @param name what it is for, for messages
   * @throws VfioException ({@link Reason#LIMIT}: EMFILE, ENFILE, ENOMEM)
   */
  public static EventFd create(Kernel kernel, String name) {
    int fd = kernel.eventfd(0, Linux.EFD_CLOEXEC | Linux.EFD_NONBLOCK);
    if (fd < 0) {
      throw VfioException.failed(Reason.LIMIT, "eventfd")
          .on("for " + name)
          .result(fd)
          .fact("the process or the machine has no file descriptor or memory left")
          .hint("see ulimit -n, and close what is no longer used")
          .build();
    }
    return new EventFd(kernel, fd, name);
  }

  /** Takes over an eventfd that was opened elsewhere, with {@code EFD_NONBLOCK}. */
  public static EventFd adopt(Kernel kernel, int fd, String name) {
    return new EventFd(kernel, fd, name);
  }

  /** Raises the counter by one. */
  public void signal() {
    lifetime().enter();
    try {
      raise();
    } finally {
      lifetime().leave();
    }
  }

  /** Takes the counter: how often it was raised since it was last taken, 0 for never. */
  public long take() {
    lifetime().enter();
    try {
      return takeHeld();
    } finally {
      lifetime().leave();
    }
  }

  /**
   * Waits until the counter is raised, and takes it.
   *
   * @param timeoutNanos rounded up to milliseconds; negative waits for ever
   * @return how often it was raised, at least 1; 0 after the timeout
   * @throws VfioException ({@link Reason#CLOSED}) when it is or gets closed
   */
  public long await(long timeoutNanos) {
    lifetime().enter();
    try {
      long start = System.nanoTime();
      long left = timeoutNanos;
      PollSet poll = POLL.get();
      while (true) {
        poll.set(0, heldFd(), Linux.POLLIN);
        int ready = poll.poll(kernel(), left);
        if (isClosed()) {
          throw closedMeanwhile();
        }
        if (ready == 0) {
          return 0;
        }
        long count = takeHeld();
        if (count != 0) {
          return count;
        }
        // Another thread took it first.
        if (timeoutNanos >= 0) {
          left = Math.max(0, timeoutNanos - (System.nanoTime() - start));
        }
      }
    } finally {
      lifetime().leave();
    }
  }

  @Override
  public void close() {
    try {
      lifetime().enter();
    } catch (VfioException alreadyClosed) {
      return;
    }
    try {
      super.close();
      // Waiting threads hold the descriptor open; this ends their wait, and nothing else does.
      try {
        raise();
      } catch (VfioException e) {
        raise();
      }
    } finally {
      lifetime().leave();
    }
  }

  private void raise() {
    NativeBlock one = COUNTER.get();
    one.putLong(0, 1);
    long result = kernel().write(heldFd(), one, COUNTER_SIZE);
    // EAGAIN: the counter is at its end, and raised all the same.
    if (result < 0 && !Errno.EAGAIN.is(result)) {
      throw VfioException.failed(Reason.OTHER, "write").on("to " + this).result(result).build();
    }
  }

  private long takeHeld() {
    NativeBlock counter = COUNTER.get();
    long result = kernel().read(heldFd(), counter, COUNTER_SIZE);
    long count = counter.getLong(0);
    if (isClosed()) {
      // This may have taken what was to wake the threads that wait for the close, and counts more
      // than there was.
      raise();
      throw closedMeanwhile();
    }
    if (result < 0) {
      if (Errno.EAGAIN.is(result)) {
        return 0;
      }
      throw VfioException.failed(Reason.OTHER, "read").on("of " + this).result(result).build();
    }
    return count;
  }

  private VfioException closedMeanwhile() {
    return VfioException.failed(Reason.CLOSED, "wait")
        .on("for " + this)
        .fact("it was closed while a thread waited for it")
        .build();
  }
}
