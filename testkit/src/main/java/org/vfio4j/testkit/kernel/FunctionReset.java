// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;

/**
 * The reset of one function: its own, or that of the bus that it is alone on.
 *
 * <p>Source: {@code drivers/pci/pci.c}.
 */
final class FunctionReset {
  private final Core core;
  private final PciDevice pci;

  FunctionReset(Core core, PciDevice pci) {
    this.core = core;
    this.pci = pci;
  }

  /**
   * pci_try_reset_function(). EAGAIN where somebody unbinds or removes the device, and so has it
   * locked.
   *
   * @return whether there is a reset that works
   */
  boolean attempt() {
    boolean own = pci.function().isResettable();
    if (!own && !pci.isBusReset()) {
      return false;
    }
    VfioDevice vfio = pci.vfio();
    KernelError.refuseIf(pci.lock().isHeld(), Errno.EAGAIN);
    if (!own && !core.isAloneOnBus(pci)) {
      // The others came later: pci_parent_bus_reset().
      return false;
    }
    vfio.whileResetting(() -> pci.model().reset());
    vfio.features().reset();
    return true;
  }
}
