// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.machine;

/**
 * A release of Linux, and what it has: built with all that VFIO and iommufd can be, unless a method
 * of {@link Machine} says otherwise.
 */
public enum KernelVersion {
  LINUX_5_15(5, 15),
  LINUX_6_1(6, 1),
  /** The first with iommufd. */
  LINUX_6_2(6, 2),
  /** The first with device nodes, and with page tables that programs make. */
  LINUX_6_6(6, 6),
  /** The first with dirty tracking and nesting. */
  LINUX_6_7(6, 7),
  /** The first with page faults. */
  LINUX_6_11(6, 11),
  /** As its stable releases are, which have some corrections of later ones. */
  LINUX_6_12(6, 12),
  /** The first with virtual IOMMUs, and with mappings of files. */
  LINUX_6_13(6, 13),
  /** The first with PASIDs and with the events of virtual IOMMUs. */
  LINUX_6_15(6, 15),
  /** The first with hardware queues. */
  LINUX_6_17(6, 17),
  /** All that is known. */
  NEWEST(7, 3);

  private final int major;
  private final int minor;

  KernelVersion(int major, int minor) {
    this.major = major;
    this.minor = minor;
  }

  /** Whether this is the given release or a later one. */
  public boolean isAtLeast(int otherMajor, int otherMinor) {
    return major > otherMajor || (major == otherMajor && minor >= otherMinor);
  }

  /** {@code /dev/iommu}, and its compatibility with containers. */
  public boolean hasIommufd() {
    return isAtLeast(6, 2);
  }

  /** {@code /dev/vfio/devices/vfioN}. */
  public boolean hasDeviceNodes() {
    return isAtLeast(6, 6);
  }

  /** IOMMU_HWPT_ALLOC and IOMMU_GET_HW_INFO. */
  public boolean hasPageTables() {
    return isAtLeast(6, 6);
  }

  /** Dirty tracking, also without clearing, nesting and the data for it. */
  public boolean hasDirtyTracking() {
    return isAtLeast(6, 7);
  }

  /** IOMMU_HWPT_INVALIDATE. */
  public boolean hasInvalidation() {
    return isAtLeast(6, 8);
  }

  /** IOMMU_FAULT_QUEUE_ALLOC. */
  public boolean hasFaultQueues() {
    return isAtLeast(6, 11);
  }

  /** Whether a page table over an IOAS may have a fault queue, not only one of a guest. */
  public boolean hasFaultsOfAllPageTables() {
    return isAtLeast(6, 13);
  }

  /** IOMMU_IOAS_MAP_FILE and IOMMU_IOAS_CHANGE_PROCESS. */
  public boolean hasFileMappings() {
    return isAtLeast(6, 13);
  }

  /** IOMMU_VIOMMU_ALLOC and IOMMU_VDEVICE_ALLOC. */
  public boolean hasVirtualIommus() {
    return isAtLeast(6, 13);
  }

  /** Attaching for a PASID. */
  public boolean hasPasids() {
    return isAtLeast(6, 15);
  }

  /** Whether GET_HW_INFO tells of PASIDs: 6.12 has that from its stable releases. */
  public boolean tellsOfPasids() {
    return isAtLeast(6, 15) || this == LINUX_6_12;
  }

  /** IOMMU_VEVENTQ_ALLOC. */
  public boolean hasVirtualEvents() {
    return isAtLeast(6, 15);
  }

  /** IOMMU_HW_QUEUE_ALLOC, and memory of /dev/iommu that can be mapped. */
  public boolean hasHardwareQueues() {
    return isAtLeast(6, 17);
  }

  /** Whether a virtual device is gone with its device, and its id never used again. */
  public boolean tiesVirtualDevices() {
    return isAtLeast(6, 17);
  }

  /** Whether GET_HW_INFO lets the caller choose what it tells. */
  public boolean hasChoiceOfHwInfo() {
    return isAtLeast(6, 17);
  }

  /** Whether device nodes work without an IOMMU. */
  public boolean hasNoIommuDeviceNodes() {
    return isAtLeast(7, 3);
  }

  /** Whether a fault queue refuses a buffer that is too short, instead of giving nothing. */
  public boolean refusesShortFaultReads() {
    return this == LINUX_6_12 || this == NEWEST;
  }

  /** Whether IOMMU_HWPT_INVALIDATE has a limit on the size and the number of entries. */
  public boolean limitsInvalidations() {
    return this == LINUX_6_12 || this == NEWEST;
  }

  /** Whether the trigger of a request or an error may be no descriptor below -1. */
  public boolean refusesStrangeTriggers() {
    return this == LINUX_6_12 || this == NEWEST;
  }

  /** Whether a dirty bitmap of no length is refused before anything is looked at. */
  public boolean refusesEmptyBitmaps() {
    return this == LINUX_6_12 || this == NEWEST;
  }

  /**
   * Whether driver_override is read and written with the device locked, and so waits for others.
   */
  public boolean locksDevicesForOverrides() {
    return this != LINUX_6_12 && this != NEWEST;
  }

  /** Whether a group looks at what it is in before it looks at what a call is given. */
  public boolean groupsLookAtThemselvesFirst() {
    return !isAtLeast(6, 1);
  }

  /** Whether groups without an IOMMU can join an iommufd. */
  public boolean hasNoIommuOnIommufd() {
    return isAtLeast(6, 3);
  }

  /** VFIO_TYPE1_NESTING_IOMMU, which no IOMMU of x86 ever had. */
  public boolean hasNestingContainers() {
    return !isAtLeast(6, 13);
  }

  /** Whether capabilities of an info call begin at multiples of 8. */
  public boolean alignsCapabilities() {
    return isAtLeast(6, 6);
  }

  /** {@code vfio-dev/vfioN} in the folder of a device. */
  public boolean hasDeviceFolders() {
    return isAtLeast(6, 1);
  }

  /** Whether that folder goes before the kernel waits for who has the device open. */
  public boolean hidesDevicesThatLeave() {
    return isAtLeast(6, 6);
  }

  /** The widest access to a BAR that a pread or pwrite makes, in bytes. */
  public int widestRegionAccess() {
    return isAtLeast(6, 10) ? Long.BYTES : Integer.BYTES;
  }

  /** Whether unmapping all of an empty IOAS succeeds; it is ENOENT before, but for 6.12. */
  public boolean unmapsNothing() {
    return this == LINUX_6_12 || isAtLeast(6, 18);
  }

  /** As uname shows it. */
  @Override
  public String toString() {
    return "Linux " + major + "." + minor;
  }
}
