// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

/**
 * An interrupt of a mediated device, as VFIO_DEVICE_GET_IRQ_INFO shows it.
 *
 * @param count of vectors: 1, or 0 where there is none
 * @param flags {@code VFIO_IRQ_INFO_} bits
 */
public record MediatedIrq(int count, int flags) {
  public MediatedIrq {
    if (count != 0 && count != 1) {
      throw new IllegalArgumentException("a mediated device of the fake kernel has up to 1 vector");
    }
  }
}
