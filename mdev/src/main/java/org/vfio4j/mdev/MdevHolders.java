// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.mdev;

import java.util.ArrayList;
import java.util.List;
import org.vfio4j.linux.FileHolders;
import org.vfio4j.linux.FileHolders.Holder;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.SysfsDevice;

/** Who has a mediated device open. */
final class MdevHolders {
  /** What /proc shows of a device that was opened through its group: not which device. */
  private static final String OPENED_BY_GROUP = "anon_inode:[vfio-device]";

  private MdevHolders() {}

  static List<Holder> of(Mdev mdev) {
    Kernel kernel = mdev.bus().kernel();
    SysfsDevice device = mdev.sysfs();
    List<Holder> holders = new ArrayList<>();
    for (String name : device.list("vfio-dev")) {
      holders.addAll(FileHolders.of(kernel, kernel.roots().dev("vfio/devices/" + name)));
    }
    device
        .link("iommu_group")
        .ifPresent(
            group -> {
              String node = kernel.roots().dev("vfio/" + group);
              List<Holder> devices = FileHolders.of(kernel, OPENED_BY_GROUP);
              FileHolders.of(kernel, node).stream().filter(devices::contains).forEach(holders::add);
            });
    return holders.stream().distinct().toList();
  }
}
