// SPDX-License-Identifier: Apache-2.0
/** Mediated-device types and the life of the devices made from them. */
module org.vfio4j.mdev {
  requires transitive org.vfio4j.linux;

// javac exports no package that has no class yet: org.vfio4j.mdev.
}
