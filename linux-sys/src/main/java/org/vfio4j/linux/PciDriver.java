// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import java.nio.charset.StandardCharsets;
import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

/**
 * Which driver a PCI function is bound to, and how to change that. Needs to be root.
 *
 * <p>Source: {@code Documentation/ABI/testing/sysfs-bus-pci}; {@code driver_override} is there
 * since Linux 3.16.
 */
public final class PciDriver {
  /** The driver that hands PCI functions to user space. */
  public static final String VFIO_PCI = "vfio-pci";

  private static final String OVERRIDE = "driver_override";

  private PciDriver() {}

  /**
   * Takes the function from its driver, if it has one, and gives it to {@code driver}, which keeps
   * it at every later probe too. Does nothing where it is bound to that driver already.
   *
   * @throws VfioException ({@link Reason#NO_PERMISSION}, {@link Reason#NO_SUCH_DEVICE}, {@link
   *     Reason#WRONG_DRIVER} when it is not bound afterwards)
   */
  public static void bind(Kernel kernel, PciAddress address, String driver) {
    SysfsDevice device = SysfsDevice.pci(kernel, address);
    if (device.driver().filter(driver::equals).isPresent()) {
      return;
    }
    String operation = "bind to " + driver;
    if (!device.kernel().list(device.kernel().roots().sys("bus/pci/drivers/" + driver)).isOk()) {
      // Found out before the function loses the driver that it has.
      throw VfioException.failed(Reason.WRONG_DRIVER, operation)
          .on("of " + address)
          .fact("there is no driver " + driver + "; the device is left as it was")
          .hint("modprobe " + driver)
          .build();
    }
    write(device, operation, device.path() + "/" + OVERRIDE, driver);
    unbind(kernel, address);
    probe(device, operation);
    String bound = device.driver().orElse("none");
    if (!bound.equals(driver)) {
      throw VfioException.failed(Reason.WRONG_DRIVER, operation)
          .on("of " + address)
          .fact("the driver is " + bound + " after the probe")
          .hint("is the driver there? modprobe " + driver + "; dmesg says why a probe failed")
          .build();
    }
  }

  /** For the hint of a message: how a person binds these devices to a driver of VFIO. */
  public static String howToBind(List<String> names) {
    if (!names.stream().allMatch(PciAddress::isForm)) {
      return "bind " + String.join(", ", names) + " to the VFIO driver of the bus";
    }
    String address = names.size() == 1 ? names.get(0) : "ADDRESS";
    return String.format(
        "bind %s to %s, as root: driverctl set-override %s %s, or in Java"
            + " PciDriver.bind(kernel, address, PciDriver.VFIO_PCI)",
        String.join(", ", names), VFIO_PCI, address, VFIO_PCI);
  }

  /** Takes the function from its driver; does nothing where it has none. */
  public static void unbind(Kernel kernel, PciAddress address) {
    SysfsDevice device = SysfsDevice.pci(kernel, address);
    if (device.driver().isPresent()) {
      write(device, "unbind", device.path() + "/driver/unbind", address.toString());
    }
  }

  /** Takes the function from its driver and lets the kernel find the one it is made for. */
  public static void restore(Kernel kernel, PciAddress address) {
    SysfsDevice device = SysfsDevice.pci(kernel, address);
    String operation = "restore the driver";
    write(device, operation, device.path() + "/" + OVERRIDE, "\n");
    unbind(kernel, address);
    probe(device, operation);
  }

  private static void probe(SysfsDevice device, String operation) {
    write(device, operation, device.kernel().roots().sys("bus/pci/drivers_probe"), device.name());
  }

  private static void write(SysfsDevice device, String operation, String file, String text) {
    int result = device.kernel().writeFile(file, text.getBytes(StandardCharsets.US_ASCII));
    if (result < 0) {
      boolean denied = Errno.EACCES.is(result) || Errno.EPERM.is(result) || Errno.EROFS.is(result);
      throw VfioException.failed(denied ? Reason.NO_PERMISSION : Reason.WRONG_DRIVER, operation)
          .on("of " + device)
          .result(result)
          .fact("'" + text.strip() + "' could not be written to " + file)
          .hint(denied ? "run it as root" : "dmesg may say why")
          .build();
    }
  }
}
