// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.vfio4j.Errno;
import org.vfio4j.testkit.kernel.IommuGroup.Kind;
import org.vfio4j.testkit.machine.MachineDevice;

/** Drivers, and which device is bound to which: what is written to /sys/bus/pci. */
final class PciBus {
  static final String VFIO_PCI = "vfio-pci";
  static final String PCI_STUB = "pci-stub";

  /** Drivers that leave the DMA of their devices to others. */
  private static final Set<String> MANAGED = Set.of(VFIO_PCI, PCI_STUB, "pcieport");

  private final Core core;
  private final SysTree tree;
  private final VfioClass vfioClass;
  private final Set<String> drivers = new TreeSet<>(MANAGED);

  /** Of the devices that a driver of the host is made for. */
  private final Map<PciDevice, String> natural = new HashMap<>();

  /** pci_rescan_remove_lock. */
  private final SleepingLock rescanRemove;

  PciBus(Core core, SysTree tree, VfioClass vfioClass) {
    this.core = core;
    this.tree = tree;
    this.vfioClass = vfioClass;
    this.rescanRemove = new SleepingLock(core.gate());
    for (MachineDevice device : core.machine().devices()) {
      String driver = device.driver();
      if (!driver.isEmpty() && !MANAGED.contains(driver)) {
        drivers.add(driver);
        natural.put(core.device(device.address().toString()), driver);
      }
    }
    for (String driver : drivers) {
      tree.addDriver(driver, name -> bind(driver, name), name -> unbind(driver, name));
    }
    tree.addProbe(this::probe);
    tree.addRescan(this::rescan);
    core.devices().forEach(this::show);
    for (MachineDevice device : core.machine().devices()) {
      if (!device.driver().isEmpty()) {
        attachAsDescribed(core.device(device.address().toString()), device.driver());
      }
    }
  }

  private void attachAsDescribed(PciDevice device, String driver) {
    try {
      attach(device, driver);
    } catch (KernelError refused) {
      String why = device.name() + " cannot be bound to " + driver + ": " + refused.errno();
      String hint =
          device.group() == null
              ? ", for it has no group, and so no IOMMU, and the machine no noIommuMode()"
              : "";
      throw new IllegalArgumentException(why + hint, refused);
    }
  }

  private void show(PciDevice device) {
    tree.addDevice(device, () -> override(device), text -> override(device, text));
    tree.addRemove(device, written -> remove(device, written));
    if (device.function().virtualFunctions() > 0) {
      device.sriov(new Sriov(core, tree, this, device));
    }
  }

  /** The device is pulled out; its driver lets it go when nobody has it open any more. */
  void unplug(PciDevice device) {
    device.unplug();
    stopAndRemove(device, () -> {});
  }

  /** Of an attribute, which goes first. Waits until nobody has the device open. */
  private int remove(PciDevice device, byte[] written) {
    if (WrittenNumber.isTrue(written)) {
      tree.removeRemove(device);
      core.gate().finish(then -> stopAndRemove(device, then));
    }
    return written.length;
  }

  /**
   * pci_stop_and_remove_bus_device_locked(). Nobody can bind it any more once this has it locked.
   */
  private void stopAndRemove(PciDevice device, Runnable then) {
    Runnable done =
        () -> {
          device.lock().unlock();
          rescanRemove.unlock();
          then.run();
        };
    Runnable remove =
        () -> {
          // Another was first.
          if (core.device(device.name()) != device) {
            done.run();
            return;
          }
          unbind(device, () -> disableSriov(device, () -> removed(device, done)));
        };
    rescanRemove.whenFree(() -> device.lock().whenFree(remove));
  }

  private void removed(PciDevice device, Runnable then) {
    natural.remove(device);
    IommuGroup group = device.group();
    core.removeDevice(device);
    tree.removeDevice(device);
    if (group != null && group.devices().isEmpty()) {
      tree.removeGroup(group);
    }
    then.run();
  }

  private static void disableSriov(PciDevice device, Runnable then) {
    if (device.sriov() == null) {
      then.run();
    } else {
      device.sriov().disable(then);
    }
  }

  private int rescan(byte[] written) {
    if (WrittenNumber.isTrue(written)) {
      rescanRemove.lock();
      core.machine().devices().forEach(this::scan);
      rescanRemove.unlock();
    }
    return written.length;
  }

  /** A device that was removed is found again, when it is gone. */
  void plug(MachineDevice described) {
    rescanRemove.whenFree(
        () -> {
          scan(described);
          rescanRemove.unlock();
        });
  }

  /** Its driver of the host takes it. */
  private void scan(MachineDevice described) {
    if (core.device(described.address().toString()) != null) {
      return;
    }
    PciDevice device = core.add(described);
    if (device.group() != null) {
      tree.addGroup(device.group());
    }
    show(device);
    String driver = described.driver();
    if (!driver.isEmpty() && !MANAGED.contains(driver)) {
      natural.put(device, driver);
      attach(device, driver);
    }
  }

  private static String text(byte[] written) {
    String text = new String(written, StandardCharsets.UTF_8);
    int end = text.indexOf('\n');
    return end < 0 ? text : text.substring(0, end);
  }

  private byte[] override(PciDevice device) {
    waitForOverride(device);
    String shown = device.override().isEmpty() ? "(null)" : device.override();
    return (shown + "\n").getBytes(StandardCharsets.UTF_8);
  }

  private int override(PciDevice device, byte[] written) {
    KernelError.refuseIf(written.length >= UserMemory.PAGE - 1, Errno.EINVAL);
    waitForOverride(device);
    device.override(text(written));
    return written.length;
  }

  private void waitForOverride(PciDevice device) {
    if (core.version().locksDevicesForOverrides()) {
      device.lock().lock();
      device.lock().unlock();
    }
  }

  private int probe(byte[] written) {
    PciDevice device = core.device(text(written));
    KernelError.refuseIf(device == null, Errno.ENODEV);
    if (device.driver().isEmpty()) {
      String driver =
          device.override().isEmpty() ? natural.getOrDefault(device, "") : device.override();
      if (drivers.contains(driver)) {
        try {
          lockAndAttach(device, driver);
        } catch (KernelError refused) {
          // As in Linux: the write succeeds, and the device has no driver.
        }
      }
    }
    return written.length;
  }

  /** A virtual function is new on the bus: vfio-pci keeps those of its own for itself. */
  void arrived(PciDevice function, PciDevice physical) {
    if (physical.driver().equals(VFIO_PCI)) {
      function.override(VFIO_PCI);
    } else if (natural.containsKey(physical)) {
      natural.put(function, natural.get(physical));
    }
    tree.addDevice(function, () -> override(function), text -> override(function, text));
    if (function.group() != null) {
      tree.addGroup(function.group());
    }
    probe(function.name().getBytes(StandardCharsets.UTF_8));
  }

  /** A virtual function goes, when nobody has it open any more. */
  void leaves(PciDevice function, Runnable then) {
    release(
        function,
        () -> {
          natural.remove(function);
          if (function.group() != null) {
            tree.removeGroup(function.group());
          }
          then.run();
        });
  }

  private int bind(String driver, byte[] written) {
    PciDevice device = core.device(text(written));
    boolean matches =
        device != null
            && (device.override().isEmpty()
                ? driver.equals(natural.get(device))
                : driver.equals(device.override()));
    KernelError.refuseIf(!matches, Errno.ENODEV);
    lockAndAttach(device, driver);
    return written.length;
  }

  /** device_driver_attach(): waits for whoever unbinds or removes it. */
  private void lockAndAttach(PciDevice device, String driver) {
    device.lock().lock();
    try {
      KernelError.refuseIf(core.device(device.name()) != device, Errno.ENODEV);
      KernelError.refuseIf(!device.driver().isEmpty(), Errno.EBUSY);
      attach(device, driver);
    } finally {
      device.lock().unlock();
    }
  }

  private int unbind(String driver, byte[] written) {
    PciDevice device = core.device(text(written));
    KernelError.refuseIf(device == null || !device.driver().equals(driver), Errno.ENODEV);
    core.gate().finish(then -> release(device, then));
    return written.length;
  }

  /** device_driver_detach(). */
  private void release(PciDevice device, Runnable then) {
    Runnable released =
        () -> {
          device.lock().unlock();
          then.run();
        };
    device.lock().whenFree(() -> unbind(device, released));
  }

  /** Of one that is locked; nothing is left to do where another was first. */
  private void unbind(PciDevice device, Runnable then) {
    if (device.driver().isEmpty()) {
      then.run();
    } else {
      detach(device, then);
    }
  }

  private void attach(PciDevice device, String driver) {
    if (driver.equals(VFIO_PCI)) {
      KernelError.refuseIf(device.function().isBridge(), Errno.EINVAL);
      boolean hasVirtual = device.sriov() != null && device.sriov().isActive();
      KernelError.refuseIf(hasVirtual, Errno.EBUSY);
      addToVfio(device);
    } else if (!MANAGED.contains(driver) && device.group() != null) {
      device.group().useByHost();
    }
    device.driver(driver);
    tree.bound(device, driver);
  }

  /** __device_release_driver(): the links go first, whatever the driver still has to wait for. */
  private void detach(PciDevice device, Runnable then) {
    String driver = device.driver();
    tree.unbound(device, driver);
    Runnable detached =
        () -> {
          device.driver("");
          then.run();
        };
    if (driver.equals(VFIO_PCI)) {
      removeFromVfio(device, detached);
      return;
    }
    if (!MANAGED.contains(driver) && device.group() != null) {
      device.group().release();
    }
    detached.run();
  }

  private void addToVfio(PciDevice device) {
    if (device.group() == null) {
      KernelError.refuseIf(!core.isNoIommuMode(), Errno.EINVAL);
      tree.addGroup(core.makeNoIommuGroup(device));
      tree.addGroupLink(device);
    }
    device.vfioTakes();
    device.vfio(vfioClass.register(device, device.group()));
  }

  private void removeFromVfio(PciDevice device, Runnable then) {
    disableSriov(
        device,
        () ->
            vfioClass.unregister(
                device.vfio(),
                () -> {
                  removedFromVfio(device);
                  then.run();
                }));
  }

  private void removedFromVfio(PciDevice device) {
    device.vfioLeaves();
    device.vfio(null);
    if (device.group().kind() == Kind.NO_IOMMU) {
      tree.removeGroup(device.group());
      tree.removeGroupLink(device);
      core.removeNoIommuGroup(device);
    }
  }
}
