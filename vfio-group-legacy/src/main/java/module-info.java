// SPDX-License-Identifier: Apache-2.0
/** The group-centric VFIO API: containers, groups, type1. */
module org.vfio4j.group {
  requires transitive org.vfio4j.device;

  // javac exports no package that has no class yet: org.vfio4j.group, org.vfio4j.group.uapi.
}
