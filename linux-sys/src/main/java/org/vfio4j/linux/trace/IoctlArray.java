// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux.trace;

import java.util.Optional;
import org.vfio4j.memory.NativeBlock;

/**
 * An array that the argument of an ioctl points to.
 *
 * @param pointer offset of its address in the argument
 * @param length in bytes, unsigned
 */
public record IoctlArray(int pointer, long length) {
  /** Knows which ioctls have arguments that point to arrays. */
  @FunctionalInterface
  public interface Finder {
    /** The array of an argument, as it is before the call; empty where it points to nothing. */
    Optional<IoctlArray> find(int request, NativeBlock argument);
  }
}
