// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import java.util.Set;
import org.vfio4j.device.uapi.VfioDeviceUapi;

/**
 * What a device says of one of its irq indexes: VFIO_DEVICE_GET_IRQ_INFO.
 *
 * @param index in the device
 * @param bits {@code VFIO_IRQ_INFO_}, those included that {@link Flag} does not know
 * @param count how many vectors it has at most; 0 for an index that this device does not have
 */
public record IrqInfo(int index, int bits, int count) {
  /** What the bits mean. */
  public enum Flag {
    /** Interrupts can be signalled by eventfd. */
    EVENTFD(VfioDeviceUapi.VFIO_IRQ_INFO_EVENTFD),
    /** It can be masked and unmasked. */
    MASKABLE(VfioDeviceUapi.VFIO_IRQ_INFO_MASKABLE),
    /** The kernel masks it at each interrupt; it is to be unmasked when the interrupt is served. */
    AUTOMASKED(VfioDeviceUapi.VFIO_IRQ_INFO_AUTOMASKED),
    /** The number of vectors cannot change while any of them is enabled. */
    NORESIZE(VfioDeviceUapi.VFIO_IRQ_INFO_NORESIZE);

    private final int bit;

    Flag(int bit) {
      this.bit = bit;
    }
  }

  /** Whether this device has the index at all. */
  public boolean isPresent() {
    return count != 0;
  }

  public boolean has(Flag flag) {
    return (bits & flag.bit) != 0;
  }

  /** The flags that are set, as far as they are known. */
  public Set<Flag> flags() {
    return Flags.set(Flag.class, this::has);
  }

  @Override
  public String toString() {
    return "irq index "
        + index
        + (isPresent() ? ": " + DeviceErrors.vectors(count) + ", flags " + flags() : ": not there");
  }
}
