// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

/** A page table of hardware, as an object of an iommufd. */
abstract class Hwpt extends IommufdObject {
  private final IommuDomain domain;
  private FaultQueue faults;
  private boolean pasidCompat;

  Hwpt(IommufdContext context, IommuDomain domain) {
    super(context);
    this.domain = domain;
  }

  IommuDomain domain() {
    return domain;
  }

  /** The one that holds what an IOAS maps: itself, or what it is nested on. */
  abstract PagingHwpt paging();

  /** Where page faults go; null for nowhere. */
  final FaultQueue faults() {
    return faults;
  }

  final void faultsTo(FaultQueue queue) {
    faults = queue;
    queue.use();
  }

  /** Whether it may be attached for a PASID, and beside one. */
  final boolean isPasidCompat() {
    return pasidCompat;
  }

  final void forPasids() {
    pasidCompat = true;
  }

  @Override
  void destroyed() {
    if (faults != null) {
      faults.unuse();
    }
  }
}
