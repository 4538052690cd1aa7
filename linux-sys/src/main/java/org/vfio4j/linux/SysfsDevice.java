// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

/**
 * A device as sysfs shows it: its folder, attributes and links. A view, read anew at each question.
 *
 * <p>Thread safe.
 */
public final class SysfsDevice {
  private final Kernel kernel;
  private final String path;
  private final String name;

  private SysfsDevice(Kernel kernel, String path, String name) {
    this.kernel = kernel;
    this.path = path;
    this.name = name;
  }

  /**
   * The PCI function at this address.
   *
   * @throws VfioException ({@link Reason#NO_SUCH_DEVICE})
   */
  public static SysfsDevice pci(Kernel kernel, PciAddress address) {
    return at(kernel, kernel.roots().sys("bus/pci/devices/" + address));
  }

  /**
   * The device with this folder, which may be a link: {@code /sys/devices/pci0000:00/0000:00:05.0}.
   *
   * @throws VfioException ({@link Reason#NO_SUCH_DEVICE})
   */
  public static SysfsDevice at(Kernel kernel, String path) {
    String folder = path.endsWith("/") ? path.substring(0, path.length() - 1) : path;
    Result<List<String>> content = kernel.list(folder);
    if (!content.isOk()) {
      refuseLimit(content, folder);
      throw VfioException.failed(Reason.NO_SUCH_DEVICE, "find")
          .on("device " + folder)
          .errno(content.errno())
          .fact(folder + (Errno.ENOENT.is(content.code()) ? " does not exist" : " cannot be read"))
          .hint("list the devices there are: ls " + parent(folder))
          .build();
    }
    // A link may have another name than the device: /sys/class/vfio-dev/vfio0/device.
    Result<String> target = kernel.readLink(folder);
    return new SysfsDevice(kernel, folder, lastName(target.isOk() ? target.value() : folder));
  }

  public Kernel kernel() {
    return kernel;
  }

  /** The folder, without a slash at the end. */
  public String path() {
    return path;
  }

  /**
   * The name of the device's own folder: the PCI address of a PCI function, the UUID of an mdev.
   */
  public String name() {
    return name;
  }

  /** The content of an attribute without the white space around it; empty where there is none. */
  public Optional<String> attribute(String attribute) {
    Result<byte[]> content = kernel.readFile(path + "/" + attribute);
    refuseLimit(content, path + "/" + attribute);
    return content.isOk()
        ? Optional.of(new String(content.value(), StandardCharsets.UTF_8).strip())
        : Optional.empty();
  }

  /** The last part of what a link points to; empty where there is no such link. */
  public Optional<String> link(String link) {
    Result<String> target = kernel.readLink(path + "/" + link);
    return target.isOk() ? Optional.of(lastName(target.value())) : Optional.empty();
  }

  /** The names in a folder below; empty where there is no such folder. */
  public List<String> list(String folder) {
    Result<List<String>> names = kernel.list(path + "/" + folder);
    refuseLimit(names, path + "/" + folder);
    return names.orElse(List.of());
  }

  /** The driver that the device is bound to. */
  public Optional<String> driver() {
    return link("driver");
  }

  /**
   * The number of the IOMMU group; empty where no IOMMU is in front of the device.
   *
   * @throws VfioException when the link leads to something that is no number
   */
  public OptionalInt iommuGroup() {
    Optional<String> number = link("iommu_group");
    if (number.isEmpty()) {
      return OptionalInt.empty();
    }
    try {
      return OptionalInt.of(Integer.parseInt(number.get()));
    } catch (NumberFormatException e) {
      throw VfioException.failed(Reason.OTHER, "read")
          .on("of the IOMMU group of " + this)
          .fact(path + "/iommu_group leads to '" + number.get() + "', which is no number")
          .hint("is " + path + " a device in sysfs?")
          .cause(e)
          .build();
    }
  }

  /** All devices that the IOMMU cannot tell apart from this one, itself among them. */
  public List<SysfsDevice> iommuGroupDevices() {
    String folder = path + "/iommu_group/devices";
    return kernel.list(folder).orElse(List.of()).stream()
        .map(member -> new SysfsDevice(kernel, folder + "/" + member, member))
        .toList();
  }

  @Override
  public String toString() {
    return name;
  }

  /** A process without descriptors cannot look: nothing may pass for absent then. */
  private static void refuseLimit(Result<?> result, String file) {
    if (Errno.EMFILE.is(result.code()) || Errno.ENFILE.is(result.code())) {
      throw VfioException.failed(Reason.LIMIT, "read")
          .on("of " + file)
          .errno(result.errno())
          .fact("the process or the machine has no file descriptor left")
          .hint("see ulimit -n, and close what is no longer used")
          .build();
    }
  }

  private static String lastName(String path) {
    return path.substring(path.lastIndexOf('/') + 1);
  }

  private static String parent(String path) {
    return path.substring(0, Math.max(1, path.lastIndexOf('/')));
  }
}
