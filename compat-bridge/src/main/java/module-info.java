// SPDX-License-Identifier: Apache-2.0
/** Group-centric callers on device-centric calls, and the opening plan. */
module org.vfio4j.bridge {
  requires transitive org.vfio4j.cdev;
  requires transitive org.vfio4j.device;
  requires transitive org.vfio4j.group;
  requires transitive org.vfio4j.iommufd;
  requires transitive org.vfio4j.linux;
  requires transitive org.vfio4j.mdev;

  exports org.vfio4j.bridge;
}
