// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.testkit.device.MediatedDriver;

/** A device that mediated devices are made of. */
final class MdevParent {
  private final String path;
  private final MediatedDriver driver;
  private int left;
  private int removals;
  private boolean leaving;

  MdevParent(String path, MediatedDriver driver) {
    this.path = path;
    this.driver = driver;
    this.left = driver.maxInstances();
  }

  /** Its folder in /sys. */
  String path() {
    return path;
  }

  String name() {
    return path.substring(path.lastIndexOf('/') + 1);
  }

  MediatedDriver driver() {
    return driver;
  }

  /** Whether the driver counts its devices itself. */
  boolean counts(MdevType type) {
    return driver.available(type.type()).isPresent();
  }

  /** What the kernel has counted for the driver. */
  int left() {
    return left;
  }

  void take() {
    left--;
  }

  void giveBack() {
    left++;
  }

  /** One of its devices is being removed, or is removed. */
  void removal(boolean underWay) {
    removals += underWay ? 1 : -1;
  }

  boolean hasRemovals() {
    return removals > 0;
  }

  boolean isLeaving() {
    return leaving;
  }

  void leave() {
    leaving = true;
  }
}
