// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;

/**
 * Something that the kernel does each time that an eventfd is raised.
 *
 * <p>It does not hold the file: when the last descriptor of that is closed, it is over. Source:
 * {@code drivers/vfio/virqfd.c}.
 */
final class Virqfd {
  private final Runnable action;
  private EventFdFile file;

  Virqfd(Runnable action) {
    this.action = action;
  }

  /** EBUSY when another eventfd does it already. */
  void enable(OpenFile eventFd) {
    KernelError.refuseIf(!(eventFd instanceof EventFdFile), Errno.EINVAL);
    KernelError.refuseIf(file != null, Errno.EBUSY);
    file = (EventFdFile) eventFd;
    file.watch(this);
    // What is there already is seen, but not taken.
    if (file.isRaised()) {
      action.run();
    }
  }

  void disable() {
    if (file != null) {
      file.unwatch(this);
      file = null;
    }
  }

  /** By the eventfd. */
  void raised() {
    file.take();
    action.run();
  }

  /** By the eventfd: its last descriptor is closed. */
  void hungUp() {
    file = null;
  }
}
