// SPDX-License-Identifier: Apache-2.0
/** A fake kernel with device models, and a JUnit extension. */
module org.vfio4j.testkit {
  requires transitive org.vfio4j.bridge;
  requires transitive org.vfio4j.cdev;
  requires transitive org.vfio4j.device;
  requires transitive org.vfio4j.group;
  requires transitive org.vfio4j.iommufd;
  requires transitive org.vfio4j.linux;
  requires transitive org.vfio4j.mdev;

  exports org.vfio4j.testkit;
  exports org.vfio4j.testkit.device;
  exports org.vfio4j.testkit.machine;
}
