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
        physical, () -> text(physical.function().virtualFunctions()), this::show, this::store);
  }

  private static byte[] text(int number) {
    return (number + "\n").getBytes(StandardCharsets.US_ASCII);
  }

  boolean isActive() {
    return active > 0;
  }

  private byte[] show() {
    physical.lock().lock();
    int shown = active;
    physical.lock().unlock();
    return text(shown);
  }

  private int store(byte[] written) {
    int wanted = (int) WrittenNumber.parseOr(Errno.EINVAL, written, Short.SIZE);
    KernelError.refuseIf(wanted > physical.function().virtualFunctions(), Errno.ERANGE);
    physical.lock().lock();
    try {
      configure(wanted);
    } finally {
      physical.lock().unlock();
    }
    return written.length;
  }

  private void configure(int wanted) {
    if (wanted == active) {
      return;
    }
    String driver = physical.driver();
    // No driver, or one without sriov_configure().
    KernelError.refuseIf(driver.isEmpty() || driver.equals(PciBus.PCI_STUB), Errno.ENOENT);
    KernelError.refuseIf(wanted > 0 && isActive(), Errno.EBUSY);
    boolean refuses = driver.equals(PciBus.VFIO_PCI) && !core.isSriovEnabled();
    KernelError.refuseIf(refuses, Errno.ENOENT);
    if (wanted == 0) {
      core.gate().finish(this::disable);
    } else {
      enable(wanted);
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

  /** They go one by one, each when nobody has it open any more. */
  void disable(Runnable then) {
    disable(0, then);
  }

  private void disable(int number, Runnable then) {
    if (functions.isEmpty()) {
      active = 0;
      then.run();
      return;
    }
    PciDevice function = functions.get(0);
    bus.leaves(
        function,
        () -> {
          tree.removeVirtualFunction(physical, function, number);
          core.removeDevice(function);
          functions.remove(function);
          disable(number + 1, then);
        });
  }
}
