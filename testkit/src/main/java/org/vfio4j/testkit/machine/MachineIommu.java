// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.machine;

/**
 * The IOMMU in front of the devices of a {@link Machine}, an Intel VT-d: what it can beside
 * translating. As it is made, nothing, like the one that QEMU emulates.
 */
public final class MachineIommu {
  private boolean dirtyTracking;
  private boolean nesting;
  private boolean pageFaults;
  private int pasidBits;

  /** It notes which pages are written. */
  public MachineIommu dirtyTracking() {
    dirtyTracking = true;
    return this;
  }

  /** It walks page tables of guests. */
  public MachineIommu nesting() {
    nesting = true;
    return this;
  }

  /** Devices may ask for pages that are not there. */
  public MachineIommu pageFaults() {
    pageFaults = true;
    return this;
  }

  /** Devices have PASIDs of so many bits: 1 to 20. */
  public MachineIommu pasids(int bits) {
    pasidBits = bits;
    return this;
  }

  public boolean hasDirtyTracking() {
    return dirtyTracking;
  }

  public boolean hasNesting() {
    return nesting;
  }

  public boolean hasPageFaults() {
    return pageFaults;
  }

  /** 0 for none. */
  public int pasidBits() {
    return pasidBits;
  }
}
