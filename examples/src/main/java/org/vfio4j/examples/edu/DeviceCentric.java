// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.examples.edu;

import static java.nio.charset.StandardCharsets.UTF_8;

import org.vfio4j.cdev.BoundDevice;
import org.vfio4j.cdev.UnboundDevice;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Ioas;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.PciAddress;

/** Opens a device through its node and an iommufd: Linux 6.6. Argument: the PCI address. */
public final class DeviceCentric {
  public static void main(String[] args) {
    run(Kernel.host(), args[0]);
  }

  static void run(Kernel kernel, String address) {
    try (Iommufd iommufd = Iommufd.open(kernel);
        Ioas ioas = iommufd.allocateIoas();
        UnboundDevice node = VfioCdev.find(kernel, PciAddress.of(address)).open();
        BoundDevice device = node.bind(iommufd, DeviceCookie.of(7))) {
      device.attach(ioas);
      try (EduDriver edu = new EduDriver(device)) {
        System.out.printf("%#x, 10! is %d%n", edu.identification(), edu.factorial(10));
        System.out.println(new String(edu.thereAndBack(ioas, "by DMA".getBytes(UTF_8)), UTF_8));
      }
    }
  }
}
