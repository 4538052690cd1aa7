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

  PciBus(Core core, SysTree tree, VfioClass vfioClass) {
    this.core = core;
    this.tree = tree;
    this.vfioClass = vfioClass;
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
    if (device.vfio() == null) {
      remove(device);
      return;
    }
    tree.unbound(device, device.driver());
    vfioClass.unregister(
        device.vfio(),
        () -> {
          removedFromVfio(device);
          device.driver("");
          remove(device);
        });
  }

  /** Of an attribute. */
  private int remove(PciDevice device, byte[] written) {
    if (isTrue(written)) {
      remove(device);
    }
    return written.length;
  }

  private static boolean isTrue(byte[] written) {
    String text = text(written).strip();
    KernelError.refuseIf(!text.matches("0*[01]"), Errno.EINVAL);
    return text.endsWith("1");
  }

  /** pci_stop_and_remove_bus_device(). */
  private void remove(PciDevice device) {
    if (!device.driver().isEmpty()) {
      detach(device);
    }
    if (device.sriov() != null) {
      device.sriov().disable();
    }
    natural.remove(device);
    IommuGroup group = device.group();
    core.removeDevice(device);
    tree.removeDevice(device);
    if (group != null && group.devices().isEmpty()) {
      tree.removeGroup(group);
    }
  }

  private int rescan(byte[] written) {
    if (isTrue(written)) {
      core.machine().devices().forEach(this::plug);
    }
    return written.length;
  }

  /** A device that was removed is found again, and its driver of the host takes it. */
  void plug(MachineDevice described) {
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

  private static byte[] override(PciDevice device) {
    String shown = device.override().isEmpty() ? "(null)" : device.override();
    return (shown + "\n").getBytes(StandardCharsets.UTF_8);
  }

  private int override(PciDevice device, byte[] written) {
    device.override(text(written));
    return written.length;
  }

  private int probe(byte[] written) {
    PciDevice device = core.device(text(written));
    KernelError.refuseIf(device == null, Errno.ENODEV);
    if (device.driver().isEmpty()) {
      String driver =
          device.override().isEmpty() ? natural.getOrDefault(device, "") : device.override();
      if (drivers.contains(driver)) {
        try {
          attach(device, driver);
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

  /** It is about to go. Waits until nobody has it open. */
  void leaves(PciDevice function) {
    if (!function.driver().isEmpty()) {
      detach(function);
    }
    natural.remove(function);
    if (function.group() != null) {
      tree.removeGroup(function.group());
    }
  }

  private int bind(String driver, byte[] written) {
    PciDevice device = core.device(text(written));
    boolean matches =
        device != null
            && (device.override().isEmpty()
                ? driver.equals(natural.get(device))
                : driver.equals(device.override()));
    KernelError.refuseIf(!matches, Errno.ENODEV);
    KernelError.refuseIf(!device.driver().isEmpty(), Errno.EBUSY);
    attach(device, driver);
    return written.length;
  }

  private int unbind(String driver, byte[] written) {
    PciDevice device = core.device(text(written));
    KernelError.refuseIf(device == null || !device.driver().equals(driver), Errno.ENODEV);
    detach(device);
    return written.length;
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
  private void detach(PciDevice device) {
    String driver = device.driver();
    tree.unbound(device, driver);
    if (driver.equals(VFIO_PCI)) {
      removeFromVfio(device);
    } else if (!MANAGED.contains(driver) && device.group() != null) {
      device.group().release();
    }
    device.driver("");
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

  /** Waits until nobody has the device open. */
  private void removeFromVfio(PciDevice device) {
    if (device.sriov() != null) {
      device.sriov().disable();
    }
    vfioClass.unregister(device.vfio());
    removedFromVfio(device);
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
