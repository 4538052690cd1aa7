// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.util.concurrent.atomic.AtomicInteger;
import org.vfio4j.memory.NativeBlock;

/** An open file that the bridge makes up: what one or more descriptors refer to. Thread safe. */
abstract class BridgedFile {
  private static final int ENDED = -1;

  private final CompatBridge bridge;
  private final AtomicInteger descriptors = new AtomicInteger();

  BridgedFile(CompatBridge bridge) {
    this.bridge = bridge;
  }

  final CompatBridge bridge() {
    return bridge;
  }

  /** For a new descriptor; false when the last one was closed, after which there is none again. */
  final boolean hold() {
    return descriptors.updateAndGet(now -> now == ENDED ? ENDED : now + 1) != ENDED;
  }

  final void drop() {
    if (descriptors.updateAndGet(now -> now == 1 ? ENDED : now - 1) == ENDED) {
      released();
    }
  }

  /**
   * An ioctl with a struct.
   *
   * @param fd the descriptor of the call
   */
  int ioctl(int fd, int request, NativeBlock argument) throws BridgeRefusal {
    bridge.explain(null);
    return ioctl(fd, request, new UserArgument(bridge.memory(), argument));
  }

  /** An ioctl with a number, which may be an address. */
  abstract int ioctl(int fd, int request, UserArgument argument) throws BridgeRefusal;

  /** The file that this one stands for; null where the kernel below knows. */
  abstract String path();

  /** The last descriptor is closed. */
  abstract void released();
}
