// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import java.util.List;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.linux.EventFd;

/**
 * An irq index of a device: what kind of interrupt it can raise, and how many of them.
 *
 * <p>A PCI function can have one of INTX, MSI and MSIX enabled at a time, ERR and REQ beside it.
 * MSI and MSI-X are writes by the device: they need bus mastering, which vfio-pci switches off when
 * it opens the device ({@link PciConfigSpace#enableBusMaster}).
 *
 * <p>Thread safe. Source: {@code drivers/vfio/pci/vfio_pci_intrs.c}.
 */
public final class IrqIndex {
  private final VfioDevice device;
  private final String name;
  private final IrqInfo info;

  IrqIndex(VfioDevice device, String name, IrqInfo info) {
    this.device = device;
    this.name = name;
    this.info = info;
  }

  public VfioDevice device() {
    return device;
  }

  /** What the kernel said of the index when this object was made. */
  public IrqInfo info() {
    return info;
  }

  /**
   * Enables the first vectors, each with an eventfd of its own that lives until the result is
   * closed.
   *
   * @param vectors 1 or more
   * @throws VfioException ({@link Reason#LIMIT} when the device or the host has fewer, and says how
   *     many, or no file descriptor is left, {@link Reason#NOT_SUPPORTED} when the device does not
   *     have the index, {@link Reason#WRONG_STATE}: EINVAL when this index, or another one that
   *     excludes it, is enabled)
   */
  public Interrupts enable(int vectors) {
    return Interrupts.enable(this, vectors);
  }

  /**
   * Enables the first vectors with eventfds of the caller, one each, in order. They stay the
   * caller's, to be closed after the result; as long as the result is open, so are they.
   *
   * @throws VfioException as {@link #enable(int)} does
   */
  public Interrupts enable(List<EventFd> vectors) {
    return Interrupts.enable(this, vectors);
  }

  /** The index and its device: {@code MSI of 0000:00:05.0}. */
  @Override
  public String toString() {
    return name;
  }
}
