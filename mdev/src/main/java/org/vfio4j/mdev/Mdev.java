// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.mdev;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.linux.FileHolders;
import org.vfio4j.linux.SysfsDevice;

/**
 * A mediated device. A view, as {@link MdevBus}: it does not go when this object does, but when
 * somebody removes it, or its parent. Equal to another with the same UUID of the same type.
 *
 * <p>To be opened with {@code VfioCdev.find(mdev.sysfs())}, or through its group where the kernel
 * has no device nodes.
 */
public final class Mdev {
  /** How long {@link #remove()} waits. */
  public static final Duration REMOVE_TIMEOUT = Duration.ofSeconds(10);

  /** What every mediated device has, whatever its driver. */
  private static final Set<String> OF_THE_KERNEL =
      Set.of("remove", "uevent", "power", "vfio-dev", "waiting_for_supplier");

  private static final int DEEPEST = 3;

  private final UUID uuid;
  private final MdevType type;
  private final String path;

  Mdev(UUID uuid, MdevType type, String path) {
    this.uuid = uuid;
    this.type = type;
    this.path = path;
  }

  public UUID uuid() {
    return uuid;
  }

  public MdevType type() {
    return type;
  }

  public MdevParent parent() {
    return type.parent();
  }

  /** Its folder in sysfs, without links. */
  public String path() {
    return path;
  }

  /**
   * Its folder with attributes and links: by it the device is opened.
   *
   * @throws VfioException ({@link Reason#NO_SUCH_DEVICE} when it is gone)
   */
  public SysfsDevice sysfs() {
    return SysfsDevice.at(bus().kernel(), path);
  }

  /** Whether it is still there, and not about to go. */
  public boolean exists() {
    return bus().find(uuid).filter(this::equals).isPresent();
  }

  MdevBus bus() {
    return type.parent().bus();
  }

  /** The attributes that its driver has added, in their order by name: {@code vendor/memory}. */
  public List<String> attributes() {
    List<String> names = new ArrayList<>();
    collect("", 1, names);
    return List.copyOf(names);
  }

  private void collect(String folder, int depth, List<String> names) {
    for (String name : bus().sysfs().list(path + "/" + folder)) {
      String attribute = folder + name;
      boolean skipped = folder.isEmpty() && OF_THE_KERNEL.contains(name);
      if (skipped || bus().sysfs().isLink(path + "/" + attribute)) {
        continue;
      }
      if (!bus().sysfs().isFolder(path + "/" + attribute)) {
        names.add(attribute);
      } else if (depth < DEEPEST) {
        collect(attribute + "/", depth + 1, names);
      }
    }
  }

  /**
   * What an attribute holds, without the white space around it.
   *
   * @param attribute its path in the device's folder: {@code vendor/resolution}
   * @throws VfioException ({@link Reason#NOT_SUPPORTED} when the device has no such attribute,
   *     {@link Reason#NO_PERMISSION} when it is not for reading, {@link Reason#REFUSED} when its
   *     driver fails, {@link Reason#INVALID_ARGUMENT} when it is no path below the device's folder)
   */
  public String attribute(String attribute) {
    String file = file(attribute);
    var content = bus().kernel().readFile(file);
    if (!content.isOk()) {
      throw MdevErrors.attribute(this, "read", attribute, content.errno());
    }
    return new String(content.value(), StandardCharsets.UTF_8).strip();
  }

  /**
   * Writes an attribute, in one write, as it is.
   *
   * @throws VfioException as {@link #attribute}; {@link Reason#REFUSED} when the driver does not
   *     take the value
   */
  public void setAttribute(String attribute, String value) {
    String file = file(attribute);
    int result = bus().kernel().writeFile(file, value.getBytes(StandardCharsets.UTF_8));
    if (result < 0) {
      throw MdevErrors.attribute(this, "write", attribute, Errno.ofResult(result));
    }
  }

  /** In the folder of the device itself: links lead elsewhere. */
  private String file(String attribute) {
    Names.checkedAttribute(attribute);
    String file = path + "/" + attribute;
    Optional<String> leadsTo = bus().sysfs().resolve(bus().sysfs().relative(file));
    if (leadsTo.filter(found -> !found.equals(file)).isPresent()) {
      throw VfioException.failed(Reason.INVALID_ARGUMENT, "use")
          .on("of attribute " + attribute + " of " + this)
          .fact("it is a link, or behind one, to " + leadsTo.get())
          .build();
    }
    return file;
  }

  /** Who has it open, as far as this process may look. */
  public List<FileHolders.Holder> holders() {
    return MdevHolders.of(this);
  }

  /** As {@link #remove(Duration)}, with {@link #REMOVE_TIMEOUT}. */
  public void remove() {
    remove(REMOVE_TIMEOUT);
  }

  /**
   * Removes the device, which must not be open.
   *
   * <p>The kernel does not refuse to remove a device that is open: it takes it out of sysfs and
   * waits until it is closed, for ever if need be, and so does the thread that asked. Therefore one
   * that is seen to be open is refused here. One that is open unseen, by a process that this one
   * may not look into, is waited for on a thread of its own; after the timeout that thread goes on
   * waiting, and the device goes when its user closes it.
   *
   * @throws VfioException ({@link Reason#IN_USE} when it is open, with who has it; then nothing was
   *     done; and when the time is over; {@link Reason#NO_SUCH_DEVICE} when it is gone, or somebody
   *     else is removing it; {@link Reason#WRONG_STATE} when it is just being created; {@link
   *     Reason#NO_PERMISSION})
   */
  public void remove(Duration timeout) {
    MdevRemoval.refuseOpen(this);
    MdevRemoval.remove(this, timeout);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Mdev mdev && path.equals(mdev.path) && type.equals(mdev.type);
  }

  @Override
  public int hashCode() {
    return path.hashCode();
  }

  @Override
  public String toString() {
    return "mdev " + uuid;
  }
}
