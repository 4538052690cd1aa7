// SPDX-License-Identifier: Apache-2.0
/** The group-centric VFIO API: containers, groups, type1. */
module org.vfio4j.group {
  requires transitive org.vfio4j.device;

  exports org.vfio4j.group;
  exports org.vfio4j.group.uapi;
}
