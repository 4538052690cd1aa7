// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

/**
 * What a mediated device does by itself: reach memory of its user, and interrupt.
 *
 * <p>To be called while the device serves an access or a reset, on the thread that made it.
 */
public interface MediatedBus {
  /**
   * Reads memory: {@code vfio_dma_rw} of the kernel.
   *
   * @return false when a part of it is not mapped, or for writing only: nothing was read then, and
   *     the fault is recorded
   */
  boolean readMemory(long iova, byte[] target, int start, int length);

  /**
   * Writes memory: {@code vfio_dma_rw} of the kernel.
   *
   * @return false when a part of it is not mapped, or for reading only, or in a container for
   *     writing only: nothing was written then, and the fault is recorded
   */
  boolean writeMemory(long iova, byte[] source, int start, int length);

  /** Raises whichever interrupt is enabled and not masked; nothing happens where none is. */
  void interrupt();
}
