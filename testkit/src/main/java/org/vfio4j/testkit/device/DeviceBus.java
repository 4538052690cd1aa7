// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

/**
 * What a device does by itself: reach memory and interrupt.
 *
 * <p>To be called while the device serves an access or a reset, on the thread that made it. Nothing
 * comes of a call while the bus master bit of the command register is off, but for the interrupt
 * line.
 */
public interface DeviceBus {
  /**
   * Reads memory, as far as the IOMMU lets the device.
   *
   * @return false when a part of it is not mapped: nothing was read then, and the fault is recorded
   */
  boolean readMemory(long iova, byte[] target, int start, int length);

  /**
   * Writes memory, as far as the IOMMU lets the device.
   *
   * @return false when a part of it is not mapped, or for reading only: nothing was written then,
   *     and the fault is recorded
   */
  boolean writeMemory(long iova, byte[] source, int start, int length);

  /** Whether MSI or MSI-X is enabled, so that the interrupt line is not to be used. */
  boolean isMessageSignalled();

  /** Sends the message of a vector of MSI or MSI-X; nothing where that is not enabled. */
  void message(int vector);

  /** Pulls the interrupt line up, or lets it go. */
  void line(boolean up);
}
