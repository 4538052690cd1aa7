// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.vfio4j.VfioException;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.SysfsDevice;

/**
 * A device of an IOMMU group, as sysfs shows it.
 *
 * @param name its PCI address, or what its bus calls it
 * @param driver what it is bound to
 * @param vfio whether that is a driver of VFIO, so that the device can be opened
 */
public record GroupMember(String name, Optional<String> driver, boolean vfio) {
  /**
   * The drivers besides those of VFIO that leave DMA alone, so that the group stays viable: {@code
   * driver_managed_dma} in the kernel's source.
   */
  private static final Set<String> HARMLESS = Set.of("pci-stub", "pcieport");

  /** The devices of a group; none when there is no such group. */
  public static List<GroupMember> of(Kernel kernel, int group) {
    String folder = kernel.roots().sys("kernel/iommu_groups/" + group + "/devices");
    return kernel.list(folder).orElse(List.of()).stream()
        .flatMap(name -> find(kernel, folder + "/" + name).stream())
        .map(GroupMember::of)
        .toList();
  }

  /** Empty when the device went away since it was listed. */
  private static Optional<SysfsDevice> find(Kernel kernel, String path) {
    try {
      return Optional.of(SysfsDevice.at(kernel, path));
    } catch (VfioException gone) {
      return Optional.empty();
    }
  }

  static GroupMember of(SysfsDevice device) {
    Optional<String> driver = device.driver();
    // A folder vfio-dev shows variant drivers of any name, from Linux 6.1 on.
    boolean vfio =
        driver.isPresent() && (driver.get().contains("vfio") || !device.list("vfio-dev").isEmpty());
    return new GroupMember(device.name(), driver, vfio);
  }

  /** Whether its driver does DMA for the host, so that the group cannot be given away. */
  public boolean blocks() {
    return driver.isPresent() && !vfio && !HARMLESS.contains(driver.get());
  }

  @Override
  public String toString() {
    return name + driver.map(bound -> " (" + bound + ")").orElse(" (no driver)");
  }
}
