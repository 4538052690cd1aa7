// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import org.vfio4j.iommufd.DeviceCookie;

/**
 * A device of a bridged group, by its node, bound to the iommufd of the group's container.
 *
 * <p>Guarded by its group.
 */
final class BridgedDevice {
  private final BridgedGroup group;
  private final String name;
  private final int fd;
  private final int devId;
  private final DeviceCookie cookie;
  private int pageTable;
  private int files;
  private int mappings;

  BridgedDevice(BridgedGroup group, String name, int fd, int devId, DeviceCookie cookie) {
    this.group = group;
    this.name = name;
    this.fd = fd;
    this.devId = devId;
    this.cookie = cookie;
  }

  BridgedGroup group() {
    return group;
  }

  String name() {
    return name;
  }

  /** Of the node; callers of the bridge have duplicates of it. */
  int fd() {
    return fd;
  }

  int devId() {
    return devId;
  }

  DeviceCookie cookie() {
    return cookie;
  }

  /** What it is attached to; 0 for nothing. */
  int pageTable() {
    return pageTable;
  }

  void attached(int id) {
    pageTable = id;
  }

  void fileOpened() {
    files++;
  }

  void fileClosed() {
    files--;
  }

  void mapped() {
    mappings++;
  }

  void unmapped() {
    mappings--;
  }

  /** Whether a caller has it: by a descriptor, or by a mapping that has outlived it. */
  boolean isOpen() {
    return files > 0 || mappings > 0;
  }
}
