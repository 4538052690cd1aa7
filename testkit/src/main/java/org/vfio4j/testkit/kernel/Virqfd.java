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
  private EventFdContext eventFd;

  Virqfd(Runnable action) {
    this.action = action;
  }

  /** EBUSY when another eventfd does it already. */
  void enable(OpenFile file) {
    EventFdContext wanted = EventFdContext.of(file);
    KernelError.refuseIf(eventFd != null, Errno.EBUSY);
    eventFd = wanted;
    eventFd.watch(this);
    // What is there already is seen, but not taken.
    if (eventFd.isRaised()) {
      action.run();
    }
  }

  /** virqfd_shutdown(), which takes what is there. */
  void disable() {
    if (eventFd != null) {
      eventFd.unwatch(this);
      eventFd.take();
      eventFd = null;
    }
  }

  /** By the eventfd. */
  void raised() {
    eventFd.take();
    action.run();
  }
}
