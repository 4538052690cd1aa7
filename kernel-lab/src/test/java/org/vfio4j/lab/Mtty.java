// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.UUID;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.device.Region;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.VfioPci;
import org.vfio4j.dma.DmaSpace;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.linux.SysfsDevice;

/**
 * A mediated device for a scenario: {@code mtty}, a card with one or two serial ports, which is
 * gone when this is closed.
 */
final class Mtty implements AutoCloseable {
  /** Registers of a port, one byte each: {@code linux/serial_reg.h}. */
  static final int RX_TX = 0;

  static final int IER = 1;
  static final int FCR = 2;
  static final int LCR = 3;
  static final int MCR = 4;
  static final int LSR = 5;
  static final int SCR = 7;

  /** In {@link #LCR}: {@link #RX_TX} and {@link #IER} are the divisor. */
  static final int DLAB = 0x80;

  /** In {@link #LSR}: there is something to read. */
  static final int DATA_READY = 0x01;

  private final String uuid = UUID.randomUUID().toString();
  private final AssignedDevice assigned;

  Mtty(int ports) {
    this(VfioMode.IOMMUFD, ports);
  }

  Mtty(VfioMode mode, int ports) {
    write("/sys/devices/virtual/mtty/mtty/mdev_supported_types/mtty-" + ports + "/create", uuid);
    try {
      SysfsDevice mdev = SysfsDevice.at(Lab.KERNEL, "/sys/bus/mdev/devices/" + uuid);
      assigned = AssignedDevice.open(Lab.KERNEL, mode, mdev, DeviceCookie.of(1));
    } catch (RuntimeException e) {
      remove();
      throw e;
    }
  }

  VfioDevice device() {
    return assigned.device();
  }

  DmaSpace dma() {
    return assigned.dma();
  }

  /** The registers of a port. */
  Region port(int number) {
    return device().region(VfioPci.BAR0 + number);
  }

  @Override
  public void close() {
    assigned.close();
    remove();
  }

  private void remove() {
    write("/sys/bus/mdev/devices/" + uuid + "/remove", "1");
  }

  private static void write(String file, String text) {
    int result = Lab.KERNEL.writeFile(file, text.getBytes(StandardCharsets.US_ASCII));
    assertThat(result).as(file).isEqualTo(text.length());
  }
}
