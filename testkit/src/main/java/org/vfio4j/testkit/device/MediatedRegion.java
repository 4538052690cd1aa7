// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

/**
 * A region of a mediated device, as VFIO_DEVICE_GET_REGION_INFO shows it.
 *
 * @param offset where in the file of the device it begins, in bytes
 * @param size in bytes; 0 where there is nothing
 * @param flags {@code VFIO_REGION_INFO_FLAG_} bits
 */
public record MediatedRegion(long offset, long size, int flags) {
  /** Whether a position in the file of the device is in it. */
  public boolean contains(long position) {
    return position >= offset && position - offset < size;
  }
}
