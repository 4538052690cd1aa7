// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import java.util.Set;
import java.util.TreeSet;
import org.vfio4j.device.uapi.VfioDeviceInfoCapPciAtomicComp;
import org.vfio4j.device.uapi.VfioDeviceUapi;

/**
 * What a device says of itself: VFIO_DEVICE_GET_INFO.
 *
 * @param bits {@code VFIO_DEVICE_FLAGS_}, those included that {@link Flag} does not know
 * @param numRegions region indexes are 0 to {@code numRegions} - 1; not all of them need exist
 * @param numIrqs irq indexes are 0 to {@code numIrqs} - 1; not all of them need exist
 * @param capabilities what the struct has no field for
 */
public record DeviceInfo(int bits, int numRegions, int numIrqs, CapabilityChain capabilities) {
  /** What the bits mean. */
  public enum Flag {
    /** The device can be reset: {@link VfioDevice#reset()}. */
    RESET(VfioDeviceUapi.VFIO_DEVICE_FLAGS_RESET),
    /** Regions and irq indexes are those of {@link VfioPci}. */
    PCI(VfioDeviceUapi.VFIO_DEVICE_FLAGS_PCI),
    PLATFORM(VfioDeviceUapi.VFIO_DEVICE_FLAGS_PLATFORM),
    AMBA(VfioDeviceUapi.VFIO_DEVICE_FLAGS_AMBA),
    CCW(VfioDeviceUapi.VFIO_DEVICE_FLAGS_CCW),
    AP(VfioDeviceUapi.VFIO_DEVICE_FLAGS_AP),
    FSL_MC(VfioDeviceUapi.VFIO_DEVICE_FLAGS_FSL_MC),
    CAPS(VfioDeviceUapi.VFIO_DEVICE_FLAGS_CAPS),
    CDX(VfioDeviceUapi.VFIO_DEVICE_FLAGS_CDX);

    private final int bit;

    Flag(int bit) {
      this.bit = bit;
    }
  }

  public boolean has(Flag flag) {
    return (bits & flag.bit) != 0;
  }

  /** The flags that are set, as far as they are known. */
  public Set<Flag> flags() {
    return Flags.set(Flag.class, this::has);
  }

  /**
   * How wide the atomic operations may be that the device does on memory: what the root port in
   * front of it completes. Linux 6.5.
   *
   * @return in bits; empty where it completes none, or the kernel does not say
   */
  public Set<Integer> atomicCompletions() {
    Set<Integer> widths = new TreeSet<>();
    capabilities
        .find(VfioDeviceUapi.VFIO_DEVICE_INFO_CAP_PCI_ATOMIC_COMP)
        .ifPresent(
            capability -> {
              int flags = capability.getInt(VfioDeviceInfoCapPciAtomicComp.FLAGS);
              addIf(widths, flags & VfioDeviceUapi.VFIO_PCI_ATOMIC_COMP32, 32);
              addIf(widths, flags & VfioDeviceUapi.VFIO_PCI_ATOMIC_COMP64, 64);
              addIf(widths, flags & VfioDeviceUapi.VFIO_PCI_ATOMIC_COMP128, 128);
            });
    return widths;
  }

  private static void addIf(Set<Integer> widths, int flag, int width) {
    if (flag != 0) {
      widths.add(width);
    }
  }

  @Override
  public String toString() {
    return "flags " + flags() + ", " + numRegions + " regions, " + numIrqs + " irq indexes";
  }
}
