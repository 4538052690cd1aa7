// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import org.vfio4j.linux.Lifetime;

/**
 * Which container a group is in, and how many of its devices are open. Apart from the group's Java
 * object, because it is needed until the group's file is closed.
 *
 * <p>Guarded by itself: joining, leaving and opening a device exclude each other.
 */
final class Membership {
  private ContainerState container;
  private Lifetime held;
  private int devices;

  /** Null when the group is in none, or joined one elsewhere. */
  ContainerState container() {
    return container;
  }

  int devices() {
    return devices;
  }

  /** {@code hold} has been entered, and is left when the group leaves. */
  void joined(ContainerState state, Lifetime hold, boolean noIommu) {
    container = state;
    held = hold;
    state.groupJoined(noIommu);
  }

  synchronized void deviceOpened() {
    devices++;
  }

  synchronized void deviceClosed() {
    devices--;
  }

  /**
   * The kernel has taken the group out of its container.
   *
   * @return what ends the hold on the container, to be called when no lock is held, for it may
   *     close the container
   */
  synchronized Runnable left() {
    if (container == null) {
      return () -> {};
    }
    container.groupLeft();
    Lifetime hold = held;
    container = null;
    held = null;
    return hold::leave;
  }

  /** The group's file is closed. */
  void fileClosed() {
    left().run();
  }
}
