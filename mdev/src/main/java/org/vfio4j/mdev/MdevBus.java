// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.mdev;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.linux.Kernel;

/**
 * The mediated devices of a machine, and what they can be made of, on whatever bus that is.
 *
 * <p>A view: everything is asked anew at each call. Thread safe. Linux 4.10, CONFIG_VFIO_MDEV.
 * Source: {@code drivers/vfio/mdev}, {@code Documentation/ABI/testing/sysfs-bus-vfio-mdev}.
 */
public final class MdevBus {
  private static final String PARENTS = "class/mdev_bus";
  private static final String DEVICES = "bus/mdev/devices";

  private final Sysfs sysfs;

  private MdevBus(Sysfs sysfs) {
    this.sysfs = sysfs;
  }

  /** Those that this kernel has under its sysfs root; nothing outside that root is reached. */
  public static MdevBus of(Kernel kernel) {
    return new MdevBus(new Sysfs(kernel));
  }

  public Kernel kernel() {
    return sysfs.kernel();
  }

  Sysfs sysfs() {
    return sysfs;
  }

  /** Whether the kernel has mediated devices at all: the module {@code mdev} is loaded. */
  public boolean isThere() {
    return sysfs.isFolder(kernel().roots().sys(PARENTS));
  }

  /** What mediated devices can be made of, by name; empty where no driver has registered any. */
  public List<MdevParent> parents() {
    List<MdevParent> parents = new ArrayList<>();
    for (String name : sysfs.list(kernel().roots().sys(PARENTS))) {
      findParent(name).ifPresent(parents::add);
    }
    return List.copyOf(parents);
  }

  /**
   * The parent of this name: {@code 0000:00:02.0} of a PCI function.
   *
   * @throws VfioException ({@link Reason#NO_SUCH_DEVICE}, {@link Reason#NOT_IN_KERNEL} where there
   *     are no mediated devices at all, {@link Reason#INVALID_ARGUMENT} when it is no name)
   */
  public MdevParent parent(String name) {
    Names.checked("parent", name);
    return findParent(name).orElseThrow(() -> MdevErrors.noParent(this, name));
  }

  /** As {@link #parent}, empty where there is none. */
  public Optional<MdevParent> findParent(String name) {
    Names.checked("parent", name);
    return sysfs.resolve(PARENTS + "/" + name).map(path -> new MdevParent(this, name, path));
  }

  /** All mediated devices, by UUID. */
  public List<Mdev> devices() {
    List<Mdev> devices = new ArrayList<>();
    uuids().forEach(uuid -> find(uuid).ifPresent(devices::add));
    return List.copyOf(devices);
  }

  /** Of all devices, whole or half made. */
  List<UUID> uuids() {
    return sysfs.list(kernel().roots().sys(DEVICES)).stream()
        .flatMap(name -> Names.uuid(name).stream())
        .toList();
  }

  /** Those of a parent, by UUID. */
  public List<Mdev> devices(MdevParent parent) {
    return devices().stream().filter(device -> device.parent().equals(parent)).toList();
  }

  /** Those of a type of a parent, by UUID. */
  public List<Mdev> devices(MdevType type) {
    return devices().stream().filter(device -> device.type().equals(type)).toList();
  }

  /**
   * The device with this UUID.
   *
   * @throws VfioException ({@link Reason#NO_SUCH_DEVICE})
   */
  public Mdev device(UUID uuid) {
    return find(uuid).orElseThrow(() -> MdevErrors.noDevice(this, uuid));
  }

  /** As {@link #device}; empty where there is none, or it is being created or removed. */
  public Optional<Mdev> find(UUID uuid) {
    return sysfs
        .resolve(DEVICES + "/" + Names.text(uuid))
        .flatMap(path -> type(path).map(type -> new Mdev(uuid, type, path)));
  }

  /** By the link to it: {@code PARENT/mdev_supported_types/TYPE}. */
  private Optional<MdevType> type(String device) {
    Optional<String> found = sysfs.resolve(sysfs.relative(device) + "/mdev_type");
    if (found.isEmpty()) {
      return Optional.empty();
    }
    String path = found.get();
    int end = path.lastIndexOf("/" + MdevParent.TYPES + "/");
    if (end < 0) {
      return Optional.empty();
    }
    String folder = path.substring(0, end);
    String parent = folder.substring(folder.lastIndexOf('/') + 1);
    String name = path.substring(path.lastIndexOf('/') + 1);
    return Optional.of(new MdevType(new MdevParent(this, parent, folder), name, path));
  }

  /** Where the kernel has a device of this UUID, whole or half made. */
  Optional<String> trace(UUID uuid) {
    return find(uuid)
        .map(device -> "it is that of a " + device.type().name() + " of " + device.parent())
        .or(
            () ->
                parents().stream()
                    .filter(parent -> sysfs.isFolder(parent.path() + "/" + Names.text(uuid)))
                    .map(parent -> "a device of " + parent + " has it, which is not gone yet")
                    .findFirst());
  }

  @Override
  public String toString() {
    return "mediated devices under " + kernel().roots().sys();
  }
}
