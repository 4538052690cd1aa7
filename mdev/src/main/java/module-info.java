// SPDX-License-Identifier: Apache-2.0
/** Mediated-device types and the life of the devices made from them. */
// Exports nothing yet: javac exports no package that has no class.
module org.vfio4j.mdev {
  requires transitive org.vfio4j.linux;
}
