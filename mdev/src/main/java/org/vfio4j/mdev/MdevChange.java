// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.mdev;

/**
 * A parent or a device that has come or gone.
 *
 * @param name of the parent; UUID of the device
 * @param parent the name of the parent, of a device too
 */
public record MdevChange(Kind kind, String name, String parent) {
  /** What has changed. */
  public enum Kind {
    /** A driver has registered a parent: what is defined for it can be started. */
    PARENT_ADDED,
    /** A driver has taken back a parent, and with it all its devices. */
    PARENT_REMOVED,
    /** A device can be opened. */
    DEVICE_ADDED,
    /** A device is gone, or goes as soon as its user closes it. */
    DEVICE_REMOVED
  }

  @Override
  public String toString() {
    return switch (kind) {
      case PARENT_ADDED -> "parent " + name + " added";
      case PARENT_REMOVED -> "parent " + name + " removed";
      case DEVICE_ADDED -> "mdev " + name + " of " + parent + " added";
      case DEVICE_REMOVED -> "mdev " + name + " of " + parent + " removed";
    };
  }
}
