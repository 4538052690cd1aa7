// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.mdev;

import java.util.Optional;
import org.vfio4j.Errno;
import org.vfio4j.linux.FileObject;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PollSet;
import org.vfio4j.memory.NativeBlock;

/** Uevents, as a sign that something has changed. Used by one thread at a time. */
final class UeventSocket extends FileObject {
  /** Longer ones are cut; what they say is not looked at. */
  private static final int ROOM = 64;

  private final NativeBlock message = new NativeBlock(ROOM);
  private final PollSet poll = new PollSet(1);

  private UeventSocket(Kernel kernel, int fd) {
    super(kernel, fd, "uevents");
  }

  /** Empty where the kernel has none for this process. */
  static Optional<UeventSocket> open(Kernel kernel) {
    int fd = kernel.uevents();
    return fd < 0 ? Optional.empty() : Optional.of(new UeventSocket(kernel, fd));
  }

  /** Waits until something is said, or the time is over, and takes all that was said. */
  void await(long nanos) {
    int fd = fd();
    lifetime().enter();
    try {
      poll.set(0, fd, Linux.POLLIN);
      poll.poll(kernel(), nanos);
      while (true) {
        long count = kernel().read(fd, message, ROOM);
        if (count < 0 && !Errno.ENOBUFS.is(count) && !Errno.EINTR.is(count)) {
          return;
        }
      }
    } finally {
      lifetime().leave();
    }
  }
}
