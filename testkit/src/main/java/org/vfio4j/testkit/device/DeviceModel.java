// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

/**
 * A device, as software: what is behind the registers of a PCI function.
 *
 * <p>The fake kernel calls it with one thread at a time, and each access to a register is one call,
 * of the width that the driver used. A model must do all that an access causes before it returns,
 * DMA and interrupts among it: then tests are deterministic.
 */
public interface DeviceModel {
  /** What the function says of itself; always the same. */
  PciFunction function();

  /** Called once, when the device is put into a machine. */
  void connect(DeviceBus bus);

  /**
   * A read of a register.
   *
   * @param bar index of the base address register
   * @param offset in bytes from its start, a multiple of the width
   * @param width 1, 2, 4 or 8 bytes
   * @return the value; bits above the width are ignored
   */
  long read(int bar, long offset, int width);

  /** A write of a register; bits of {@code value} above the width are 0. */
  void write(int bar, long offset, int width, long value);

  /** The state after power-on. */
  void reset();
}
