// SPDX-License-Identifier: Apache-2.0
/** An open VFIO device file, however it was opened. */
module org.vfio4j.device {
  requires transitive org.vfio4j.linux;

  exports org.vfio4j.device;
  exports org.vfio4j.device.uapi;
}
