// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.machine;

import org.vfio4j.testkit.device.MediatedDriver;

/** A device in a {@link Machine} that mediated devices are made of. */
public final class MachineParent {
  private final String path;
  private final MediatedDriver driver;
  private String bus = "";

  MachineParent(String path, MediatedDriver driver) {
    this.path = path;
    this.driver = driver;
  }

  /** Puts it on a bus: {@code css}. Without this call it is a device of a class. */
  public MachineParent onBus(String name) {
    bus = name;
    return this;
  }

  /** Below {@code /sys/devices}. */
  public String path() {
    return path;
  }

  public MediatedDriver driver() {
    return driver;
  }

  /** Empty for none. */
  public String bus() {
    return bus;
  }
}
