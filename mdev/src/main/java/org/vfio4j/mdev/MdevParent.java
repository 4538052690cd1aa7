// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.mdev;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.linux.SysfsDevice;

/**
 * A device of which a driver hands out shares. A view, as {@link MdevBus}; equal to another of the
 * same place in sysfs.
 */
public final class MdevParent {
  static final String TYPES = "mdev_supported_types";

  private final MdevBus bus;
  private final String name;
  private final String path;

  MdevParent(MdevBus bus, String name, String path) {
    this.bus = bus;
    this.name = name;
    this.path = path;
  }

  /** As its bus calls it: {@code 0000:00:02.0}, {@code 0.0.0313}, {@code matrix}, {@code mtty}. */
  public String name() {
    return name;
  }

  /** Its folder in sysfs, without links. */
  public String path() {
    return path;
  }

  /** The bus that it is on, {@code pci}, or the class that it is of where it is on none. */
  public Optional<String> busName() {
    return bus.sysfs()
        .resolve(bus.sysfs().relative(path) + "/subsystem")
        .map(folder -> folder.substring(folder.lastIndexOf('/') + 1))
        .or(() -> sysfs().link("subsystem"));
  }

  /** Its folder with attributes and links. */
  public SysfsDevice sysfs() {
    return SysfsDevice.at(bus.kernel(), path);
  }

  MdevBus bus() {
    return bus;
  }

  /** What can be made of it, by name; empty where its driver has just let it go. */
  public List<MdevType> types() {
    List<MdevType> types = new ArrayList<>();
    for (String type : bus.sysfs().list(path + "/" + TYPES)) {
      findType(type).ifPresent(types::add);
    }
    return List.copyOf(types);
  }

  /**
   * The type of this name: {@code mtty-2}.
   *
   * @throws VfioException ({@link Reason#NO_SUCH_DEVICE} where the parent has none of this name,
   *     {@link Reason#INVALID_ARGUMENT} when it is no name)
   */
  public MdevType type(String typeName) {
    Names.checked("type", typeName);
    return findType(typeName).orElseThrow(() -> MdevErrors.noType(this, typeName));
  }

  /** As {@link #type}, empty where there is none. */
  public Optional<MdevType> findType(String typeName) {
    Names.checked("type", typeName);
    return bus.sysfs()
        .resolve(bus.sysfs().relative(path) + "/" + TYPES + "/" + typeName)
        .filter(bus.sysfs()::isFolder)
        .map(folder -> new MdevType(this, typeName, folder));
  }

  /** The devices that were made of it, by UUID. */
  public List<Mdev> devices() {
    return bus.devices(this);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof MdevParent parent && path.equals(parent.path);
  }

  @Override
  public int hashCode() {
    return path.hashCode();
  }

  @Override
  public String toString() {
    return name;
  }
}
