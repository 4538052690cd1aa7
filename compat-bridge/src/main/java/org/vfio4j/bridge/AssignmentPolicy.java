// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

/**
 * Which devices may be used by device-centric calls.
 *
 * <p>Devices that the IOMMU cannot tell apart can only go to one user together. Who opens them by
 * their group is made to know that; who opens one of them by its own node may not. So the move away
 * from groups has stages: first the devices for which a group says nothing, then all.
 */
public enum AssignmentPolicy {
  /** Devices that are alone in their group, and mediated ones. A shared group is refused. */
  STAGE_1(false, false),
  /**
   * As {@link #STAGE_1}, and a shared group is used through the group API of the kernel below: its
   * container too then, which no group can share that is not.
   */
  STAGE_1_OR_GROUPS(false, true),
  /**
   * Shared groups too: when all members are viable, and with one address space for all that are
   * opened.
   */
  STAGE_2(true, false);

  private final boolean shared;
  private final boolean fallback;

  AssignmentPolicy(boolean shared, boolean fallback) {
    this.shared = shared;
    this.fallback = fallback;
  }

  /** Whether devices that share a group may be used by device-centric calls. */
  public boolean allowsShared() {
    return shared;
  }

  /** Whether what may not is to be used through groups, instead of being refused. */
  public boolean fallsBackToGroups() {
    return fallback;
  }
}
