// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.AffectedFunction.Owner;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.device.uapi.VfioPciDependentDevice;
import org.vfio4j.device.uapi.VfioPciHotReset;
import org.vfio4j.device.uapi.VfioPciHotResetInfo;
import org.vfio4j.linux.FileObject;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.Lifetime;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.SysfsDevice;

/**
 * A reset of the whole slot or bus that a function is on, as a plan: what it would reset, who has
 * each of these functions, and what is missing for it to be allowed.
 *
 * <p>It is allowed to who has all of them: each must be bound to vfio-pci, and
 *
 * <ul>
 *   <li>for a device that a group gave ({@link Ownership#GROUPS}), the descriptors of all their
 *       groups are shown to the kernel: {@link #execute(Collection)};
 *   <li>for a device that was opened by its node ({@link Ownership#DEVICES}), all of them, or
 *       another function of the group of each, are bound to the same iommufd: {@link #execute()}.
 * </ul>
 *
 * <p>The plan shows the moment when it was made. What the kernel allows, it decides when the reset
 * is done.
 *
 * <p>Immutable. Linux 3.12, of devices opened by their nodes 6.6. Source: {@code
 * drivers/vfio/pci/vfio_pci_core.c}.
 */
public final class HotReset {
  private static final String GET_INFO = "VFIO_DEVICE_GET_PCI_HOT_RESET_INFO";
  private static final String RESET = "VFIO_DEVICE_PCI_HOT_RESET";

  /** The bus may change between two questions, but not for ever. */
  private static final int MAX_ATTEMPTS = 8;

  /** As many functions as a bus can have. */
  private static final int MOST_FUNCTIONS = 256;

  /** How the kernel is shown that the functions are the caller's. */
  public enum Ownership {
    /** By the descriptors of their groups. */
    GROUPS,
    /** By their binding to one iommufd. */
    DEVICES
  }

  private final VfioDevice device;
  private final Ownership ownership;
  private final List<AffectedFunction> affected;

  private HotReset(VfioDevice device, Ownership ownership, List<AffectedFunction> affected) {
    this.device = device;
    this.ownership = ownership;
    this.affected = List.copyOf(affected);
  }

  /** Of {@link VfioDevice#planHotReset()}. */
  static HotReset plan(VfioDevice device) {
    Lifetime lifetime = device.lifetime();
    lifetime.enter();
    try {
      int room = 0;
      int result = 0;
      for (int attempt = 0;
          attempt < MAX_ATTEMPTS && Integer.compareUnsigned(room, MOST_FUNCTIONS) <= 0;
          attempt++) {
        VfioPciHotResetInfo info = new VfioPciHotResetInfo(room * VfioPciDependentDevice.SIZEOF);
        result =
            device
                .kernel()
                .ioctl(
                    device.fdForChildren(),
                    VfioDeviceUapi.VFIO_DEVICE_GET_PCI_HOT_RESET_INFO,
                    info);
        if (result >= 0 && Integer.compareUnsigned(info.count(), room) <= 0) {
          return of(device, info);
        }
        if (Errno.ENOSPC.is(result)) {
          room = info.count();
        } else if (!Errno.EAGAIN.is(result)) {
          break;
        }
      }
      throw infoRefused(device, result);
    } finally {
      lifetime.leave();
    }
  }

  private static HotReset of(VfioDevice device, VfioPciHotResetInfo info) {
    boolean byDevice = (info.flags() & VfioDeviceUapi.VFIO_PCI_HOT_RESET_FLAG_DEV_ID) != 0;
    List<AffectedFunction> affected = new ArrayList<>();
    for (int i = 0; i < info.count(); i++) {
      int at = VfioPciHotResetInfo.DEVICES + i * VfioPciDependentDevice.SIZEOF;
      int devfn = Byte.toUnsignedInt(info.getByte(at + VfioPciDependentDevice.DEVFN));
      PciAddress address =
          new PciAddress(
              Short.toUnsignedInt(info.getShort(at + VfioPciDependentDevice.SEGMENT)),
              Byte.toUnsignedInt(info.getByte(at + VfioPciDependentDevice.BUS)),
              devfn >>> 3,
              devfn & 7);
      int id = info.getInt(at + VfioPciDependentDevice.DEVID);
      Owner owner = byDevice ? owner(id) : Owner.GROUP;
      boolean hasId = owner == Owner.GROUP || owner == Owner.BOUND;
      affected.add(
          new AffectedFunction(address, owner, hasId ? id : 0, driver(device.kernel(), address)));
    }
    return new HotReset(device, byDevice ? Ownership.DEVICES : Ownership.GROUPS, affected);
  }

  private static Owner owner(int devid) {
    return switch (devid) {
      case VfioDeviceUapi.VFIO_PCI_DEVID_OWNED -> Owner.OWNED;
      case VfioDeviceUapi.VFIO_PCI_DEVID_NOT_OWNED -> Owner.NOT_OWNED;
      default -> Owner.BOUND;
    };
  }

  private static String driver(Kernel kernel, PciAddress address) {
    try {
      return SysfsDevice.pci(kernel, address).driver().orElse("");
    } catch (VfioException notShown) {
      return "";
    }
  }

  /** The device that was asked. */
  public VfioDevice device() {
    return device;
  }

  public Ownership ownership() {
    return ownership;
  }

  /** All functions that the reset would reset, the device itself among them. */
  public List<AffectedFunction> affected() {
    return affected;
  }

  /** The groups whose descriptors are wanted; empty for {@link Ownership#DEVICES}. */
  public Set<Integer> groups() {
    return affected.stream()
        .filter(function -> function.owner() == Owner.GROUP)
        .map(AffectedFunction::id)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  /**
   * The functions that somebody else has, as far as the kernel tells: empty when {@link #execute()}
   * may succeed. With {@link Ownership#GROUPS} those without a driver of VFIO: their group's
   * descriptor is not enough.
   */
  public List<AffectedFunction> missing() {
    return affected.stream()
        .filter(
            function ->
                ownership == Ownership.DEVICES
                    ? function.owner() == Owner.NOT_OWNED
                    : !function.driver().contains("vfio"))
        .toList();
  }

  /**
   * As {@link #missing()}, and with {@link Ownership#GROUPS} those of other groups than these.
   *
   * @param groups the numbers of the groups whose descriptors would be shown
   */
  public List<AffectedFunction> missing(Set<Integer> groups) {
    List<AffectedFunction> withoutDriver = missing();
    return affected.stream()
        .filter(
            function ->
                withoutDriver.contains(function)
                    || (function.owner() == Owner.GROUP && !groups.contains(function.id())))
        .toList();
  }

  /**
   * Resets all affected functions, for a device that was opened by its node.
   *
   * <p>Mappings of their regions stay valid and interrupts stay enabled; accesses by other threads
   * meanwhile wait, or fail as {@link MappedRegion} says.
   *
   * @throws VfioException ({@link Reason#WRONG_STATE} with {@link Ownership#GROUPS}, {@link
   *     Reason#NOT_VIABLE}: EINVAL when one of them is not owned, {@link Reason#IN_USE}: EBUSY or
   *     EAGAIN, {@link Reason#NO_SUCH_DEVICE})
   */
  public void execute() {
    if (ownership != Ownership.DEVICES) {
      throw VfioException.failed(Reason.WRONG_STATE, RESET)
          .on("of " + device)
          .fact("a group gave the device: the kernel wants the descriptors of groups " + groups())
          .hint("execute(groups) with the open groups")
          .build();
    }
    reset(List.of());
  }

  /**
   * Resets all affected functions, for a device that a group gave.
   *
   * @param groups the open groups of all affected functions
   * @throws VfioException ({@link Reason#WRONG_STATE} with {@link Ownership#DEVICES}, {@link
   *     Reason#NOT_VIABLE}: EINVAL when one of them is in none of these groups, or not bound to
   *     vfio-pci, {@link Reason#IN_USE}: EBUSY or EAGAIN, {@link Reason#NO_SUCH_DEVICE})
   */
  public void execute(Collection<? extends FileObject> groups) {
    if (ownership != Ownership.GROUPS) {
      throw VfioException.failed(Reason.WRONG_STATE, RESET)
          .on("of " + device)
          .fact("the device was opened by its node: the kernel takes no groups")
          .hint("execute()")
          .build();
    }
    if (groups.isEmpty()) {
      throw VfioException.failed(Reason.INVALID_ARGUMENT, RESET)
          .on("of " + device)
          .fact("no group is given; the reset needs " + groups())
          .build();
    }
    reset(List.copyOf(groups));
  }

  private void reset(List<? extends FileObject> groups) {
    List<Lifetime> held = new ArrayList<>();
    try {
      device.lifetime().enter();
      held.add(device.lifetime());
      VfioPciHotReset reset =
          new VfioPciHotReset(groups.size() * Integer.BYTES).count(groups.size());
      for (int i = 0; i < groups.size(); i++) {
        FileObject group = groups.get(i);
        group.lifetime().enter();
        held.add(group.lifetime());
        reset.putInt(VfioPciHotReset.GROUP_FDS + i * Integer.BYTES, group.fd());
      }
      int result =
          device
              .kernel()
              .ioctl(device.fdForChildren(), VfioDeviceUapi.VFIO_DEVICE_PCI_HOT_RESET, reset);
      if (result < 0) {
        throw resetRefused(groups, result);
      }
    } finally {
      for (int i = held.size() - 1; i >= 0; i--) {
        held.get(i).leave();
      }
    }
  }

  private VfioException resetRefused(List<? extends FileObject> groups, long result) {
    String object = "of " + device;
    return switch (Errno.ofResult(result)) {
      case EINVAL ->
          VfioException.failed(Reason.NOT_VIABLE, RESET)
              .on(object)
              .result(result)
              .fact(
                  "the reset affects " + now() + (groups.isEmpty() ? "" : "; shown were " + groups))
              .hint(
                  "bind each of them to vfio-pci, and show all of their groups, or bind one of each"
                      + " group to the same iommufd")
              .build();
      case EBUSY, EAGAIN ->
          DeviceErrors.call(RESET, object, result)
              .fact("another operation holds one of the affected functions at this moment")
              .hint("try again")
              .build();
      case ENODEV, ENOTTY -> infoRefused(device, result);
      default -> DeviceErrors.failed(RESET, object, result);
    };
  }

  /** The functions as they are when the reset was refused. */
  private List<AffectedFunction> now() {
    try {
      return plan(device).affected;
    } catch (VfioException e) {
      return affected;
    }
  }

  private static VfioException infoRefused(VfioDevice device, long result) {
    String object = "of " + device;
    if (result >= 0) {
      return CapabilityChain.malformed(GET_INFO + " " + object, "it never has room enough");
    }
    return switch (Errno.ofResult(result)) {
      case ENODEV, ENOTTY ->
          VfioException.failed(Reason.NOT_SUPPORTED, GET_INFO)
              .on(object)
              .result(result)
              .fact(
                  "neither its slot nor its bus can be reset: it is on a root bus, or no PCI device")
              .hint("VfioDevice.reset() may do, if the device has a reset of its own")
              .build();
      case EPERM ->
          DeviceErrors.call(GET_INFO, object, result)
              .fact("one of the affected functions is in no group: no IOMMU is in front of it")
              .build();
      case EAGAIN, ENOSPC ->
          VfioException.failed(Reason.IN_USE, GET_INFO)
              .on(object)
              .result(result)
              .fact("the functions on the bus change all the time")
              .hint("try again")
              .build();
      default -> DeviceErrors.failed(GET_INFO, object, result);
    };
  }

  @Override
  public String toString() {
    return "hot reset of " + device + ", by " + ownership + ": " + affected;
  }
}
