// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.cdev;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.Isolation;
import org.vfio4j.linux.DeviceNode;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.PciDriver;
import org.vfio4j.linux.Result;
import org.vfio4j.linux.SysfsDevice;

/**
 * The device node of a device: {@code /dev/vfio/devices/vfioN}.
 *
 * <p>It is found through sysfs: {@code vfio-dev/vfioN} in the device's folder, and there the
 * attribute {@code dev}. The folder alone says nothing: it is there since Linux 6.1 for every VFIO
 * device, with a kernel that has no such nodes too.
 *
 * <p>A device without an IOMMU has a node, {@code noiommu-vfioN}, where the kernel was built for it
 * (CONFIG_IOMMUFD_NOIOMMU, about Linux 7.3): opening and binding it need CAP_SYS_RAWIO, and nothing
 * protects memory from it. It is attached to an address space as any other, which pins what is
 * mapped; but its DMA goes to physical addresses.
 *
 * <p>Thread safe. Linux 6.6, CONFIG_VFIO_DEVICE_CDEV. Source: {@code drivers/vfio/device_cdev.c}.
 */
public final class VfioCdev {
  private static final String FOLDER = "vfio-dev";
  private static final String NEEDS = "Linux 6.6 or later with CONFIG_VFIO_DEVICE_CDEV";

  private static final String NO_IOMMU = "noiommu-";

  private static final Pattern NAME = Pattern.compile("(?:" + NO_IOMMU + ")?vfio[0-9]{1,10}");

  private final SysfsDevice device;
  private final String node;

  private VfioCdev(SysfsDevice device, String node) {
    this.device = device;
    this.node = node;
  }

  /**
   * The node of the PCI function at this address.
   *
   * @throws VfioException ({@link Reason#NO_SUCH_DEVICE}, {@link Reason#WRONG_DRIVER} when its
   *     driver is none of VFIO's, {@link Reason#NO_IOMMU}, {@link Reason#NOT_IN_KERNEL} when the
   *     kernel has no such nodes)
   */
  public static VfioCdev find(Kernel kernel, PciAddress address) {
    return find(SysfsDevice.pci(kernel, address));
  }

  /**
   * The node of a device, a mediated one or of any bus, of which the folder in sysfs is known.
   *
   * @throws VfioException ({@link Reason#WRONG_DRIVER} when its driver is none of VFIO's, {@link
   *     Reason#NOT_IN_KERNEL} when the kernel has no such nodes)
   */
  public static VfioCdev find(SysfsDevice device) {
    String name =
        device.list(FOLDER).stream()
            .filter(entry -> NAME.matcher(entry).matches())
            .findFirst()
            .orElseThrow(() -> notBound(device));
    if (device.attribute(FOLDER + "/" + name + "/dev").isEmpty()) {
      Isolation isolation = Isolation.of(device);
      if (isolation.kind() == Isolation.Kind.NONE) {
        throw VfioException.failed(Reason.NO_IOMMU, "find")
            .on("device node of " + device)
            .fact(isolation + ", and so it has no device node")
            .hint(
                "switch the IOMMU on in the firmware and on the kernel command line; without one"
                    + " the group API can open the device, unprotected")
            .build();
      }
      throw VfioException.failed(Reason.NOT_IN_KERNEL, "find")
          .on("device node of " + device)
          .fact(device.path() + "/" + FOLDER + "/" + name + " has no 'dev' attribute")
          .hint("device nodes need " + NEEDS + "; the group API works without them")
          .build();
    }
    return new VfioCdev(device, device.kernel().roots().dev("vfio/devices/" + name));
  }

  /**
   * The node with this path: {@code /dev/vfio/devices/vfio0}.
   *
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT} when the last part is no {@code vfioN},
   *     {@link Reason#NO_SUCH_DEVICE})
   */
  public static VfioCdev at(Kernel kernel, String node) {
    String name = node.substring(node.lastIndexOf('/') + 1);
    if (!NAME.matcher(name).matches()) {
      throw VfioException.failed(Reason.INVALID_ARGUMENT, "find")
          .on("device node '" + node + "'")
          .fact("device nodes are called vfio0, vfio1, ...")
          .hint("list them: ls " + kernel.roots().dev("vfio/devices"))
          .build();
    }
    String classFolder = kernel.roots().sys("class/vfio-dev");
    // A link to DEVICE/vfio-dev/vfioN; by its own path the device would not have its name.
    Result<String> link = kernel.readLink(classFolder + "/" + name);
    String folder =
        link.isOk()
            ? Path.of(classFolder, link.value(), "../..").normalize().toString()
            : classFolder + "/" + name;
    return new VfioCdev(SysfsDevice.at(kernel, folder), node);
  }

  /** Whether no IOMMU is in front of the device: it reaches all memory. */
  public boolean isNoIommu() {
    return node.substring(node.lastIndexOf('/') + 1).startsWith(NO_IOMMU);
  }

  /** The device in sysfs. */
  public SysfsDevice device() {
    return device;
  }

  /** The path of the node. */
  public String node() {
    return node;
  }

  /**
   * Opens the node. Any number of opens succeed; one of them can be bound.
   *
   * @throws VfioException ({@link Reason#NOT_IN_KERNEL}, {@link Reason#NO_PERMISSION}, {@link
   *     Reason#NO_SUCH_DEVICE}: ENODEV when the device is just going away)
   */
  public UnboundDevice open() {
    Kernel kernel = device.kernel();
    return new UnboundDevice(kernel, DeviceNode.open(kernel, node, NEEDS), device.name(), this);
  }

  @Override
  public String toString() {
    return node + " (" + device + ")";
  }

  private static VfioException notBound(SysfsDevice device) {
    Optional<String> driver = device.driver();
    String name = driver.orElse("no driver");
    if (name.contains("vfio")) {
      return VfioException.failed(Reason.NOT_IN_KERNEL, "find")
          .on("device node of " + device)
          .fact(
              "it is bound to " + name + ", and " + device.path() + " has no " + FOLDER + " folder")
          .hint("device nodes need " + NEEDS + "; the group API works without them")
          .build();
    }
    return VfioException.failed(Reason.WRONG_DRIVER, "find")
        .on("device node of " + device)
        .fact(device + " is bound to " + name)
        .hint(PciDriver.howToBind(List.of(device.name())))
        .build();
  }
}
