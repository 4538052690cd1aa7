// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.util.concurrent.atomic.AtomicBoolean;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.dma.DmaSpace;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.SysfsDevice;

/**
 * A device that belongs to this program, and the address space in which it does DMA: what a driver
 * needs, the same in every {@link VfioMode}.
 *
 * <p>Thread safe.
 */
public final class AssignedDevice implements AutoCloseable {
  private final AssignedSpace space;
  private final VfioDevice device;
  private final DeviceCookie cookie;
  private final AtomicBoolean closed = new AtomicBoolean();

  private AssignedDevice(AssignedSpace space, VfioDevice device, DeviceCookie cookie) {
    this.space = space;
    this.device = device;
    this.cookie = cookie;
  }

  /**
   * Opens a device in the given mode, in an address space of its own.
   *
   * @param cookie what the program calls the device
   * @throws VfioException when it cannot be had in that mode; nothing stays open then
   */
  public static AssignedDevice open(
      Kernel kernel, VfioMode mode, SysfsDevice device, DeviceCookie cookie) {
    AssignedSpace space = AssignedSpace.create(kernel, mode);
    try {
      return new AssignedDevice(space, space.open(device, cookie), cookie);
    } catch (RuntimeException e) {
      try {
        space.closeEmpty();
      } catch (RuntimeException second) {
        e.addSuppressed(second);
      }
      throw e;
    }
  }

  /** As {@link #open(Kernel, VfioMode, SysfsDevice, DeviceCookie)}, of a PCI function, cookie 0. */
  public static AssignedDevice open(Kernel kernel, VfioMode mode, PciAddress address) {
    return open(kernel, mode, SysfsDevice.pci(kernel, address), DeviceCookie.of(0));
  }

  /**
   * Opens another device in the same mode and the same address space.
   *
   * @throws VfioException when it cannot be had; this one is not touched then
   */
  public AssignedDevice openBeside(SysfsDevice other, DeviceCookie otherCookie) {
    if (closed.get()) {
      throw VfioException.failed(Reason.CLOSED, "open")
          .on("of " + other + " beside " + device)
          .fact("the address space went with " + device)
          .build();
    }
    return new AssignedDevice(space, space.open(other, otherCookie), otherCookie);
  }

  public VfioDevice device() {
    return device;
  }

  /** What the device reaches. */
  public DmaSpace dma() {
    return space.dma();
  }

  public DeviceCookie cookie() {
    return cookie;
  }

  public VfioMode mode() {
    return space.mode();
  }

  /**
   * Closes the device, and the address space with the last device in it. What is mapped still, and
   * what else was made from them, keeps the kernel's objects until it is closed too.
   */
  @Override
  public void close() {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    try {
      device.close();
    } finally {
      space.deviceClosed();
    }
  }

  @Override
  public String toString() {
    return device + " in mode " + space.mode();
  }
}
