// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * The devices that drivers of VFIO have, whatever bus they are on, and the groups of these devices.
 *
 * <p>Source: {@code drivers/vfio/vfio_main.c} and {@code group.c}.
 */
final class VfioClass {
  private final Core core;
  private final SysTree tree;
  private final Map<IommuGroup, VfioGroup> groups = new HashMap<>();
  private final TreeMap<Integer, VfioDevice> devices = new TreeMap<>();

  VfioClass(Core core, SysTree tree) {
    this.core = core;
    this.tree = tree;
  }

  /** A driver of VFIO is bound to the device: from here on it can be opened. */
  VfioDevice register(BusDevice device, IommuGroup iommuGroup) {
    VfioGroup group = groups.computeIfAbsent(iommuGroup, VfioGroup::new);
    int index = 0;
    while (devices.containsKey(index)) {
      index++;
    }
    VfioDevice vfio = new VfioDevice(core, device, group, index);
    if (group.devices().isEmpty()) {
      tree.addGroupNode(group, () -> new GroupFile(core, group));
    }
    group.devices().add(vfio);
    devices.put(index, vfio);
    tree.addVfioDevice(vfio);
    return vfio;
  }

  /** The driver lets the device go; it has when nobody has it open any more. */
  void unregister(VfioDevice vfio, Runnable afterwards) {
    leave(vfio);
    vfio.whenUnused(
        () -> {
          forget(vfio);
          afterwards.run();
        });
  }

  private void leave(VfioDevice vfio) {
    if (core.version().hidesDevicesThatLeave()) {
      tree.removeVfioDevice(vfio);
    }
    vfio.leave();
    core.gate().changed();
  }

  private void forget(VfioDevice vfio) {
    if (!core.version().hidesDevicesThatLeave()) {
      tree.removeVfioDevice(vfio);
    }
    devices.remove(vfio.index());
    VfioGroup group = vfio.group();
    group.devices().remove(vfio);
    if (group.devices().isEmpty()) {
      group.revoke();
      tree.removeGroupNode(group);
      groups.remove(group.iommuGroup());
    }
  }
}
