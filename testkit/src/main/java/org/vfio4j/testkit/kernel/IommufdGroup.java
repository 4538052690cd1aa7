// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/** What an iommufd knows of a group: its devices cannot be in two page tables. */
final class IommufdGroup {
  /** IOMMU_NO_PASID: what a device does without one. */
  static final int NO_PASID = 0;

  private final IommuGroup group;
  private final TreeMap<Integer, Attached> attached = new TreeMap<>(Integer::compareUnsigned);

  /** With one PASID, or with none: to what, and which devices have said so. */
  private static final class Attached {
    private final List<IommufdDevice> devices = new ArrayList<>();
    private Attachment attachment;
  }

  IommufdGroup(IommuGroup group) {
    this.group = group;
  }

  /** Those that are attached. */
  List<IommufdDevice> devices(int pasid) {
    Attached with = attached.get(pasid);
    return with == null ? List.of() : List.copyOf(with.devices);
  }

  /** Null while none is attached. */
  Attachment attachment(int pasid) {
    Attached with = attached.get(pasid);
    return with == null ? null : with.attachment;
  }

  /** Null while none is attached. */
  Hwpt hwpt(int pasid) {
    Attachment attachment = attachment(pasid);
    return attachment == null ? null : attachment.hwpt();
  }

  /** Whether there is one with a PASID. */
  boolean hasPasids() {
    return attached.higherKey(NO_PASID) != null;
  }

  void add(IommufdDevice device, int pasid) {
    attached.get(pasid).devices.add(device);
  }

  /**
   * A device is attached no more.
   *
   * @return whether it was the last
   */
  boolean remove(IommufdDevice device, int pasid) {
    Attached with = attached.get(pasid);
    with.devices.remove(device);
    if (!with.devices.isEmpty()) {
      return false;
    }
    attached.remove(pasid);
    translate(pasid, null);
    return true;
  }

  void attach(int pasid, Attachment attachment) {
    attached.computeIfAbsent(pasid, p -> new Attached()).attachment = attachment;
    translate(pasid, attachment.hwpt());
  }

  private void translate(int pasid, Hwpt hwpt) {
    if (hwpt == null) {
      group.translation(pasid, null);
    } else if (group.kind() == IommuGroup.Kind.NO_IOMMU) {
      group.translation(pasid, new PhysicalTranslation(hwpt.paging().ioas()));
    } else {
      group.translation(pasid, new HwptTranslation(hwpt, this, pasid));
    }
  }
}
