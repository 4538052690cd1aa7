// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.cdev.VfioCdev;
import org.vfio4j.group.IommuType;
import org.vfio4j.group.Type1Iommu;
import org.vfio4j.group.VfioContainer;
import org.vfio4j.group.VfioGroup;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.Linux;

/** What every call answers to an argument that is too short, too long or not there. */
@Tag("lab")
class MalformedArgumentsTest {
  private static final String[] OF_A_DEVICE = {
    "VFIO_DEVICE_GET_INFO",
    "VFIO_DEVICE_GET_REGION_INFO",
    "VFIO_DEVICE_GET_IRQ_INFO",
    "VFIO_DEVICE_SET_IRQS",
    "VFIO_DEVICE_FEATURE"
  };

  @Test
  void iommufd() {
    try (Iommufd iommufd = Iommufd.open(Lab.KERNEL)) {
      MalformedArguments.refusedByIommufd(Lab.KERNEL, iommufd.fd(), 6, 12);
    }
  }

  @Test
  @Tag("lab-group")
  void containerAndGroup() {
    try (VfioContainer container = VfioContainer.open(Lab.KERNEL);
        VfioGroup group = VfioGroup.of(Lab.KERNEL, Lab.sysfs(Lab.EDU)).join(container);
        Type1Iommu iommu = container.setIommu(IommuType.TYPE1_V2)) {
      MalformedArguments.refusedByVfio(
          Lab.KERNEL,
          container.fd(),
          "VFIO_IOMMU_GET_INFO",
          "VFIO_IOMMU_MAP_DMA",
          "VFIO_IOMMU_UNMAP_DMA",
          "VFIO_IOMMU_DIRTY_PAGES");
      MalformedArguments.refusedByVfio(Lab.KERNEL, group.fd(), "VFIO_GROUP_GET_STATUS");
      iommu.info();
    }
  }

  @ParameterizedTest(name = "{0}")
  @EnumSource(
      value = VfioMode.class,
      names = {"VFIO_TYPE1_IOMMU", "VFIO_TYPE1V2_IOMMU"})
  @Tag("lab-group")
  void deviceOfAGroup(VfioMode mode) {
    try (AssignedDevice edu = Lab.openEdu(mode)) {
      MalformedArguments.refusedByVfio(Lab.KERNEL, edu.device().fd(), OF_A_DEVICE);
    }
  }

  @Test
  void deviceNode() {
    try (AssignedDevice edu = Lab.openEdu(VfioMode.IOMMUFD)) {
      MalformedArguments.refusedByVfio(Lab.KERNEL, edu.device().fd(), OF_A_DEVICE);
      MalformedArguments.refusedByVfio(
          Lab.KERNEL,
          edu.device().fd(),
          "VFIO_DEVICE_ATTACH_IOMMUFD_PT",
          "VFIO_DEVICE_DETACH_IOMMUFD_PT");
    }
    String node = VfioCdev.find(Lab.KERNEL, Lab.EDU).node();
    int fd = Lab.KERNEL.open(node, Linux.O_RDWR);
    try {
      MalformedArguments.refusedByVfio(Lab.KERNEL, fd, "VFIO_DEVICE_BIND_IOMMUFD");
    } finally {
      Lab.KERNEL.close(fd);
    }
  }
}
