// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.failure;

import org.vfio4j.Errno;
import org.vfio4j.linux.Kernel;

/** The calls of a {@link Kernel}, by their names there, and how each fails most often. */
public enum PortCall {
  OPEN(Errno.EMFILE),
  CLOSE(Errno.EIO),
  DUP(Errno.EMFILE),
  IOCTL(Errno.ENOMEM),
  READ(Errno.EIO),
  WRITE(Errno.EIO),
  PREAD(Errno.EIO),
  PWRITE(Errno.EIO),
  MMAP(Errno.ENOMEM),
  MUNMAP(Errno.ENOMEM),
  EVENTFD(Errno.EMFILE),
  UEVENTS(Errno.EPERM),
  POLL(Errno.ENOMEM),
  READ_FILE(Errno.EIO),
  WRITE_FILE(Errno.EIO),
  READ_LINK(Errno.EIO),
  LIST(Errno.ENOMEM);

  private final Errno usual;

  PortCall(Errno usual) {
    this.usual = usual;
  }

  /** The errno that an injected failure has unless it says otherwise. */
  public Errno usualErrno() {
    return usual;
  }
}
