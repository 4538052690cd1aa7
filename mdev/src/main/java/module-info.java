// SPDX-License-Identifier: Apache-2.0
/** Mediated-device types and the life of the devices made from them. */
module org.vfio4j.mdev {
  requires transitive org.vfio4j.linux;
  requires com.grack.nanojson;

  exports org.vfio4j.mdev;
}
