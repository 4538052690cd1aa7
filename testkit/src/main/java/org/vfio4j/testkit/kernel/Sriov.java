// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.linux.PciAddress;

/**
 * A physical function's virtual functions: what is written to sriov_numvfs.
 *
 * <p>Source: {@code drivers/pci/iov.c}.
 */
final class Sriov {
  private static final int MOST = 0xffff;

  private final Core core;
  private final SysTree tree;
  private final PciBus bus;
  private final PciDevice physical;
  private final List<PciDevice> functions = new ArrayList<>();

  /** num_VFs: not yet while they come, still while they go. */
  private int active;

  Sriov(Core core, SysTree tree, PciBus bus, PciDevice physical) {
    this.core = core;
    this.tree = tree;
    this.bus = bus;
    this.physical = physical;
    tree.addSriov(
        physical,
        () -> text(physical.function().virtualFunctions()),
        () -> text(active),
        this::store);
  }

  private static byte[] text(int number) {
    return (number + "\n").getBytes(StandardCharsets.US_ASCII);
  }

  boolean isActive() {
    return active > 0;
  }

  private int store(byte[] written) {
    int wanted = number(new String(written, StandardCharsets.US_ASCII).strip());
    KernelError.refuseIf(wanted > physical.function().virtualFunctions(), Errno.ERANGE);
    if (wanted != active) {
      String driver = physical.driver();
      // No driver, or one without sriov_configure().
      KernelError.refuseIf(driver.isEmpty() || driver.equals(PciBus.PCI_STUB), Errno.ENOENT);
      KernelError.refuseIf(wanted > 0 && isActive(), Errno.EBUSY);
      boolean refuses = driver.equals(PciBus.VFIO_PCI) && !core.isSriovEnabled();
      KernelError.refuseIf(refuses, Errno.ENOENT);
      if (wanted == 0) {
        disable();
      } else {
        enable(wanted);
      }
    }
    return written.length;
  }

  private static int number(String text) {
    try {
      int number = Integer.decode(text);
      KernelError.refuseIf(number < 0 || number > MOST, Errno.EINVAL);
      return number;
    } catch (NumberFormatException e) {
      throw KernelError.of(Errno.EINVAL);
    }
  }

  private void enable(int count) {
    PciAddress address = PciAddress.of(physical.name());
    for (int i = 0; i < count; i++) {
      // At the next numbers: an offset and a stride of 1.
      int devfn = address.devfn() + 1 + i;
      String name =
          new PciAddress(address.domain(), address.bus(), devfn >>> 3, devfn & 7).toString();
      PciDevice function = core.addVirtualFunction(physical, name, i);
      functions.add(function);
      tree.linkVirtualFunction(physical, function, i);
      bus.arrived(function, physical);
    }
    active = count;
  }

  /** Waits until nobody has one of them open. */
  void disable() {
    for (int i = 0; !functions.isEmpty(); i++) {
      PciDevice function = functions.get(0);
      bus.leaves(function);
      tree.removeVirtualFunction(physical, function, i);
      core.removeDevice(function);
      functions.remove(function);
    }
    active = 0;
  }
}
