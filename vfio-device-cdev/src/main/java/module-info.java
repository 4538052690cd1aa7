// SPDX-License-Identifier: Apache-2.0
/** The device-centric VFIO API: device nodes, bound and attached. */
module org.vfio4j.cdev {
  requires transitive org.vfio4j.device;
  requires transitive org.vfio4j.iommufd;

  // javac exports no package that has no class yet: org.vfio4j.cdev, org.vfio4j.cdev.uapi.
}
