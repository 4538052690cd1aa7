// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.EnumMap;
import java.util.Map;
import org.vfio4j.Errno;

/** What makes a system call fail; the call returns its negative errno. */
final class KernelError extends RuntimeException {
  private static final long serialVersionUID = 1;
  private static final Map<Errno, KernelError> ALL = new EnumMap<>(Errno.class);

  static {
    for (Errno errno : Errno.values()) {
      ALL.put(errno, new KernelError(errno));
    }
  }

  private final Errno errno;

  /** Without a stack trace: refusals are the fake's daily work. */
  private KernelError(Errno errno) {
    super(errno.text(), null, false, false);
    this.errno = errno;
  }

  static KernelError of(Errno errno) {
    return ALL.get(errno);
  }

  static void refuseIf(boolean wrong, Errno errno) {
    if (wrong) {
      throw of(errno);
    }
  }

  /** Does something, and {@code undo} where that is refused: then it is refused all the same. */
  static void orUndo(Runnable something, Runnable undo) {
    try {
      something.run();
    } catch (KernelError e) {
      undo.run();
      throw e;
    }
  }

  Errno errno() {
    return errno;
  }

  int result() {
    return errno.result();
  }
}
