// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import org.vfio4j.Errno;
import org.vfio4j.linux.Linux;

/** A netlink socket for uevents, which does not wait. What does not fit is lost, and said so. */
final class UeventFile extends OpenFile {
  private static final int MOST = 1000;

  private final Uevents uevents;
  private final Deque<byte[]> messages = new ArrayDeque<>();
  private boolean lost;

  UeventFile(Uevents uevents) {
    super("socket:[uevents]");
    this.uevents = uevents;
    uevents.add(this);
  }

  void put(byte[] message) {
    if (messages.size() < MOST) {
      messages.add(message);
    } else {
      lost = true;
    }
  }

  @Override
  long read(UserPointer target, int length) {
    if (lost) {
      lost = false;
      throw KernelError.of(Errno.ENOBUFS);
    }
    byte[] message = messages.poll();
    KernelError.refuseIf(message == null, Errno.EAGAIN);
    int count = Math.min(length, message.length);
    target.put(0, Arrays.copyOf(message, count));
    return count;
  }

  @Override
  int ready() {
    return (messages.isEmpty() ? 0 : Linux.POLLIN) | (lost ? Linux.POLLERR : 0);
  }

  @Override
  void release() {
    uevents.remove(this);
  }
}
