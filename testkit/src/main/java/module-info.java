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
  requires static transitive org.junit.jupiter.api;

  exports org.vfio4j.testkit;
  exports org.vfio4j.testkit.assertion;
  exports org.vfio4j.testkit.device;
  exports org.vfio4j.testkit.failure;
  exports org.vfio4j.testkit.junit;
  exports org.vfio4j.testkit.machine;
  exports org.vfio4j.testkit.trace;
}
