// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.machine;

/**
 * The IOMMU in front of the devices of a {@link Machine}: its make, and what it can beside
 * translating. As it is made an Intel VT-d that can nothing, like the one that QEMU emulates.
 */
public final class MachineIommu {
  /** Who made it: what it says of itself, and the page tables and commands of its guests. */
  public enum Make {
    INTEL_VTD,
    ARM_SMMUV3,
    /** An SMMUv3 with queues of commands for guests. */
    NVIDIA_TEGRA241,
    AMD
  }

  private Make make = Make.INTEL_VTD;
  private boolean erratum;
  private boolean dirtyTracking;
  private boolean nesting;
  private boolean pageFaults;
  private int pasidBits;

  /** It is another make's. */
  public MachineIommu of(Make maker) {
    make = maker;
    return this;
  }

  /** It is an SMMUv3 with the fault that Linux tells of. */
  public MachineIommu erratum() {
    erratum = true;
    return this;
  }

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

  /** Devices may keep translations (ATS), and ask for pages that are not there (PRI). */
  public MachineIommu pageFaults() {
    pageFaults = true;
    return this;
  }

  /** Devices have PASIDs of so many bits, with every permission: 1 to 20. */
  public MachineIommu pasids(int bits) {
    pasidBits = bits;
    return this;
  }

  public Make make() {
    return make;
  }

  public boolean hasErratum() {
    return erratum;
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
