// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import org.vfio4j.Errno;
import org.vfio4j.linux.Result;
import org.vfio4j.testkit.device.DmaFault;
import org.vfio4j.testkit.device.MediatedDriver;
import org.vfio4j.testkit.device.MediatedModel;
import org.vfio4j.testkit.device.MediatedType;
import org.vfio4j.testkit.kernel.IommuGroup.Kind;

/**
 * Mediated devices: parents, their types, and what is created and removed by writing to them.
 *
 * <p>Source: {@code drivers/vfio/mdev/mdev_core.c} and {@code mdev_sysfs.c}, where the checks are
 * in the same order.
 */
final class MdevBus {
  private static final String SUBSYSTEM = "mdev";
  private static final int UUID_LENGTH = 36;
  private static final Pattern UUID =
      Pattern.compile("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}");

  private final Core core;
  private final MdevTree tree;
  private final SysTree sys;
  private final VfioClass vfioClass;

  /** mdev_list: with those that are being created or removed. */
  private final Map<String, MdevType> uuids = new LinkedHashMap<>();

  private final Map<String, MdevDevice> devices = new LinkedHashMap<>();
  private final Map<String, MdevParent> parents = new LinkedHashMap<>();
  private final List<DmaFault> faults = new ArrayList<>();

  MdevBus(Core core, FileTree files, SysTree sys, VfioClass vfioClass) {
    this.core = core;
    this.tree = new MdevTree(files, sys);
    this.sys = sys;
    this.vfioClass = vfioClass;
    core.machine()
        .parents()
        .forEach(parent -> register(parent.path(), parent.driver(), parent.bus()));
  }

  /** mdev_register_parent(). */
  void register(String path, MediatedDriver driver, String bus) {
    if (parents.containsKey(path)) {
      throw new IllegalArgumentException("there is a parent at " + path + " already");
    }
    MdevParent parent = new MdevParent("/sys/devices/" + path, driver);
    parents.put(path, parent);
    tree.addParent(parent, bus);
    for (MediatedType type : parent.driver().types()) {
      MdevType added = new MdevType(parent, type);
      tree.addType(added, written -> create(added, written));
    }
    changed(parent, "registered");
  }

  /**
   * mdev_unregister_parent(): with all its devices. Waits for those that are being removed, and
   * until nobody has one of the others open.
   */
  void unregister(String path) {
    MdevParent parent = parents.remove(path);
    if (parent == null) {
      throw new IllegalArgumentException("there is no parent at " + path);
    }
    parent.leave();
    core.gate().await(() -> !parent.hasRemovals(), -1);
    tree.removeClassLink(parent);
    for (MdevDevice device : List.copyOf(devices.values())) {
      if (device.type().parent() == parent) {
        devices.remove(device.name());
        takeAway(device);
      }
    }
    tree.removeParent(parent);
    changed(parent, "unregistered");
  }

  private void changed(MdevParent parent, String state) {
    core.uevents().send("change", parent.path(), tree.subsystem(parent), "MDEV_STATE=" + state);
  }

  private void said(String action, MdevDevice device) {
    core.uevents().send(action, device.path(), SUBSYSTEM);
  }

  List<DmaFault> faults() {
    return faults;
  }

  private int create(MdevType type, byte[] written) {
    boolean sized = written.length == UUID_LENGTH || written.length == UUID_LENGTH + 1;
    KernelError.refuseIf(!sized, Errno.EINVAL);
    String text = new String(written, 0, UUID_LENGTH, StandardCharsets.ISO_8859_1);
    KernelError.refuseIf(!UUID.matcher(text).matches(), Errno.EINVAL);
    create(type, text.toLowerCase(Locale.ROOT));
    return written.length;
  }

  private void create(MdevType type, String uuid) {
    KernelError.refuseIf(uuids.containsKey(uuid), Errno.EEXIST);
    MdevParent parent = type.parent();
    boolean counted = !parent.counts(type);
    KernelError.refuseIf(counted && parent.left() == 0, Errno.EUSERS);
    KernelError.refuseIf(parent.isLeaving(), Errno.ENODEV);
    MediatedDriver driver = parent.driver();
    Result<MediatedModel> made = driver.create(type.type(), uuid);
    if (!made.isOk()) {
      // The device is there before its driver looks at it.
      String path = parent.path() + "/" + uuid;
      core.uevents().send("add", path, SUBSYSTEM);
      core.uevents().send("remove", path, SUBSYSTEM);
      throw KernelError.of(made.errno());
    }
    if (counted) {
      parent.take();
    }
    uuids.put(uuid, type);
    MdevDevice device = new MdevDevice(core, type, uuid, made.value(), faults);
    devices.put(uuid, device);
    tree.addDevice(device, bytes -> remove(device, bytes));
    said("add", device);
    device.group(core.makeGroup(device, Kind.EMULATED_IOMMU));
    sys.addGroup(device.group());
    sys.addGroupLink(device, device.group());
    device.vfio(vfioClass.register(device, device.group()));
    said("bind", device);
    tree.addTypeLinks(device);
  }

  private int remove(MdevDevice device, byte[] written) {
    if (!WrittenNumber.isTrue(written)) {
      return written.length;
    }
    tree.removeRemove(device);
    // Who takes the parent away sees to it.
    MdevParent parent = device.type().parent();
    KernelError.refuseIf(parent.isLeaving(), Errno.ENODEV);
    KernelError.refuseIf(devices.remove(device.name()) == null, Errno.ENODEV);
    parent.removal(true);
    takeAway(device);
    parent.removal(false);
    core.gate().changed();
    return written.length;
  }

  private void takeAway(MdevDevice device) {
    tree.removeLinks(device);
    core.gate().finish(then -> vfioClass.unregister(device.vfio(), then));
    sys.removeGroupLink(device);
    sys.removeGroup(device.group());
    core.removeGroup(device.group());
    tree.removeDevice(device);
    said("unbind", device);
    said("remove", device);
    device.model().removed();
    uuids.remove(device.name());
    if (!device.type().parent().counts(device.type())) {
      device.type().parent().giveBack();
    }
  }
}
