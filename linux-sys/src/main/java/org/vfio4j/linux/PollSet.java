// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.memory.NativeBlock;

/**
 * File descriptors to wait for: an array of {@code struct pollfd}, made once and used often.
 *
 * <p>Not thread safe. Waiting allocates nothing.
 */
public final class PollSet {
  /** {@code sizeof(struct pollfd)}. */
  static final int POLLFD_SIZE = 8;

  private static final int EVENTS = 4;
  private static final int REVENTS = 6;
  private static final long NANOS_PER_MILLI = 1_000_000;

  /** What one call can wait for: about 24 days. */
  private static final long LONGEST_NANOS = Integer.MAX_VALUE * NANOS_PER_MILLI;

  private final NativeBlock fds;
  private final int count;

  public PollSet(int count) {
    this.count = count;
    this.fds = new NativeBlock(count * POLLFD_SIZE);
  }

  /**
   * Sets entry {@code index}.
   *
   * @param fd ignored by the kernel when negative
   * @param events {@code POLL} flags of {@link Linux}
   */
  public void set(int index, int fd, int events) {
    int at = index * POLLFD_SIZE;
    fds.putInt(at, fd);
    fds.putShort(at + EVENTS, (short) events);
    fds.putShort(at + REVENTS, (short) 0);
  }

  /** What happened on entry {@code index}: {@code POLL} flags of {@link Linux}. */
  public int events(int index) {
    return Short.toUnsignedInt(fds.getShort(index * POLLFD_SIZE + REVENTS));
  }

  /**
   * Waits until something happens; goes on waiting after a signal.
   *
   * @param timeoutNanos rounded up to milliseconds; negative waits for ever
   * @return how many entries have events; 0 after the timeout
   */
  public int poll(Kernel kernel, long timeoutNanos) {
    long start = System.nanoTime();
    long left = timeoutNanos;
    while (true) {
      int result = kernel.poll(fds, count, millis(left));
      if (result > 0 || (result == 0 && left <= LONGEST_NANOS)) {
        return result;
      }
      if (result != 0 && !Errno.EINTR.is(result)) {
        throw VfioException.failed(Reason.OTHER, "poll")
            .on("of " + count + " descriptors")
            .result(result)
            .build();
      }
      if (timeoutNanos >= 0) {
        left = Math.max(0, timeoutNanos - (System.nanoTime() - start));
      }
    }
  }

  private static int millis(long nanos) {
    return nanos < 0
        ? -1
        : (int)
            Math.min(
                Integer.MAX_VALUE, nanos / NANOS_PER_MILLI + (nanos % NANOS_PER_MILLI > 0 ? 1 : 0));
  }
}
