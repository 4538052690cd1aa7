// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.examples.edu;

import static java.nio.charset.StandardCharsets.UTF_8;

import org.vfio4j.device.VfioDevice;
import org.vfio4j.group.IommuType;
import org.vfio4j.group.Type1Iommu;
import org.vfio4j.group.VfioContainer;
import org.vfio4j.group.VfioGroup;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.linux.SysfsDevice;

/** Opens a device through its group and a container: Linux 3.15. Argument: the PCI address. */
public final class GroupCentric {
  public static void main(String[] args) {
    run(Kernel.host(), args[0]);
  }

  static void run(Kernel kernel, String address) {
    SysfsDevice pci = SysfsDevice.pci(kernel, PciAddress.of(address));
    try (VfioContainer container = VfioContainer.open(kernel);
        VfioGroup group = VfioGroup.of(kernel, pci).join(container);
        Type1Iommu dma = container.setIommu(IommuType.TYPE1_V2);
        VfioDevice device = group.device(PciAddress.of(address))) {
      try (EduDriver edu = new EduDriver(device)) {
        System.out.printf("%#x, 10! is %d%n", edu.identification(), edu.factorial(10));
        System.out.println(new String(edu.thereAndBack(dma, "by DMA".getBytes(UTF_8)), UTF_8));
      }
    }
  }
}
