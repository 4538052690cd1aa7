// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

/**
 * That a group, or a PASID of it, is attached to a page table, from one attach or replace to the
 * next: {@code struct iommufd_attach_handle}.
 *
 * <p>A class and not a record: two of them are never the same.
 */
final class Attachment {
  private final IommufdDevice device;
  private final Hwpt hwpt;

  Attachment(IommufdDevice device, Hwpt hwpt) {
    this.device = device;
    this.hwpt = hwpt;
  }

  /** The one that was attached, and that faults are told of. */
  IommufdDevice device() {
    return device;
  }

  Hwpt hwpt() {
    return hwpt;
  }
}
