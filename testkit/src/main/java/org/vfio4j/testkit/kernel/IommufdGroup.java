// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.List;

/** What an iommufd knows of a group: its devices cannot be in two page tables. */
final class IommufdGroup {
  private final IommuGroup group;
  private final List<IommufdDevice> devices = new ArrayList<>();
  private Hwpt hwpt;

  IommufdGroup(IommuGroup group) {
    this.group = group;
  }

  /** Those that are attached. */
  List<IommufdDevice> devices() {
    return devices;
  }

  /** Null while none is attached. */
  Hwpt hwpt() {
    return hwpt;
  }

  void hwpt(Hwpt attached) {
    hwpt = attached;
    group.space(attached == null ? null : attached.ioas().areas());
  }
}
