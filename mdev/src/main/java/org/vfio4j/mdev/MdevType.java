// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.mdev;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.linux.Kernel;

/**
 * A kind of device that can be made of a parent. A view, as {@link MdevBus}; equal to another of
 * the same place in sysfs.
 */
public final class MdevType {
  private final MdevParent parent;
  private final String name;
  private final String path;

  MdevType(MdevParent parent, String name, String path) {
    this.parent = parent;
    this.name = name;
    this.path = path;
  }

  public MdevParent parent() {
    return parent;
  }

  /** The name of its folder, by which it is asked for: {@code i915-GVTg_V5_4}. */
  public String name() {
    return name;
  }

  /** Its folder in sysfs, without links. */
  public String path() {
    return path;
  }

  /** How its devices are to be driven: {@code vfio-pci}, {@code vfio-ccw}, {@code vfio-ap}. */
  public String deviceApi() {
    return attribute("device_api").orElseThrow(() -> MdevErrors.noType(parent, name));
  }

  /** What its driver calls it, for people; {@link #name()} where it has nothing of its own. */
  public String prettyName() {
    return attribute("name").orElse(name);
  }

  /** What its driver says about it, in a line or several; empty where it says nothing. */
  public Optional<String> description() {
    return attribute("description").filter(text -> !text.isEmpty());
  }

  /**
   * How many more there can be now. Whether there still is one when it is created is another
   * question, which only {@link #create(UUID)} answers.
   */
  public int availableInstances() {
    return available().orElseThrow(() -> MdevErrors.noType(parent, name));
  }

  OptionalInt available() {
    Optional<String> number = attribute("available_instances");
    if (number.isEmpty()) {
      return OptionalInt.empty();
    }
    try {
      return OptionalInt.of(Integer.parseInt(number.get()));
    } catch (NumberFormatException e) {
      throw VfioException.failed(Reason.OTHER, "read")
          .on("of " + path + "/available_instances")
          .fact("it is '" + number.get() + "', which is no number")
          .cause(e)
          .build();
    }
  }

  private Optional<String> attribute(String attribute) {
    return parent.bus().sysfs().text(path + "/" + attribute);
  }

  /** The devices of this type, by UUID. */
  public List<Mdev> devices() {
    return parent.bus().devices(this);
  }

  /** Creates a device with a random UUID; see {@link #create(UUID)}. */
  public Mdev create() {
    return create(UUID.randomUUID());
  }

  /**
   * Creates a device. When this returns, the device has its driver and can be opened.
   *
   * @throws VfioException ({@link Reason#ALREADY_EXISTS} when any parent has a device with this
   *     UUID: EEXIST; {@link Reason#LIMIT} when no instance is left, or another creator took the
   *     last one: EUSERS, ENOSPC; {@link Reason#NO_SUCH_DEVICE} when the parent is being taken from
   *     its driver, or gone: ENODEV, ENOENT; {@link Reason#WRONG_STATE} when the driver asks to be
   *     tried later: EAGAIN; {@link Reason#REFUSED} for any other refusal of the driver; {@link
   *     Reason#NO_PERMISSION})
   */
  public Mdev create(UUID uuid) {
    OptionalInt before = available();
    int result = write(uuid);
    if (result < 0) {
      throw MdevErrors.create(this, uuid, Errno.ofResult(result), before);
    }
    return made(uuid);
  }

  /** As {@link #create(UUID)}, but empty where no instance is left. */
  public Optional<Mdev> tryCreate(UUID uuid) {
    int result = write(uuid);
    if (Errno.EUSERS.is(result) || Errno.ENOSPC.is(result)) {
      return Optional.empty();
    }
    if (result < 0) {
      throw MdevErrors.create(this, uuid, Errno.ofResult(result), OptionalInt.empty());
    }
    return Optional.of(made(uuid));
  }

  private int write(UUID uuid) {
    Kernel kernel = parent.bus().kernel();
    return kernel.writeFile(path + "/create", Names.text(uuid).getBytes(StandardCharsets.US_ASCII));
  }

  private Mdev made(UUID uuid) {
    return new Mdev(uuid, this, parent.path() + "/" + Names.text(uuid));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof MdevType type && path.equals(type.path);
  }

  @Override
  public int hashCode() {
    return path.hashCode();
  }

  @Override
  public String toString() {
    return name + " of " + parent;
  }
}
