// SPDX-License-Identifier: Apache-2.0
/** The device-centric VFIO API: device nodes, bound and attached. */
module org.vfio4j.cdev {
  requires transitive org.vfio4j.device;
  requires transitive org.vfio4j.iommufd;

  exports org.vfio4j.cdev;
  exports org.vfio4j.cdev.uapi;
}
