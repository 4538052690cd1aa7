// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.util.concurrent.atomic.AtomicInteger;
import org.vfio4j.memory.NativeBlock;

/** An open file that the bridge makes up: what one or more descriptors refer to. Thread safe. */
abstract class BridgedFile {
  private final CompatBridge bridge;
  private final AtomicInteger descriptors = new AtomicInteger();

  BridgedFile(CompatBridge bridge) {
    this.bridge = bridge;
  }

  final CompatBridge bridge() {
    return bridge;
  }

  final void hold() {
    descriptors.incrementAndGet();
  }

  final void drop() {
    if (descriptors.decrementAndGet() == 0) {
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
