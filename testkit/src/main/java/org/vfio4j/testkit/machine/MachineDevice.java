// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.machine;

import org.vfio4j.linux.PciAddress;
import org.vfio4j.testkit.device.DeviceModel;

/** A device in a {@link Machine}: where it is, its group and its driver. */
public final class MachineDevice {
  private final PciAddress address;
  private final DeviceModel model;
  private int group = -1;
  private String driver = "";
  private String parent = "";

  MachineDevice(PciAddress address, DeviceModel model) {
    this.address = address;
    this.model = model;
  }

  /**
   * Puts the device into a group. Devices with the same number share it, as the IOMMU cannot tell
   * them apart; the others are alone in theirs. Without this call, no IOMMU is in front of it.
   */
  public MachineDevice inGroup(int number) {
    group = number;
    return this;
  }

  /** Binds the device to a driver: {@code vfio-pci}, or one of the host's of any name. */
  public MachineDevice boundTo(String name) {
    driver = name;
    return this;
  }

  /** Puts the device behind a bridge, so that its folder is below that of the bridge. */
  public MachineDevice behind(String bridge) {
    parent = PciAddress.of(bridge).toString();
    return this;
  }

  public PciAddress address() {
    return address;
  }

  public DeviceModel model() {
    return model;
  }

  /** -1 for none. */
  public int group() {
    return group;
  }

  /** Empty for none. */
  public String driver() {
    return driver;
  }

  /** The address of the bridge in front of it; empty for none. */
  public String parent() {
    return parent;
  }
}
