// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

/** A page table in the form of one make of IOMMU: {@code struct iommu_domain}. */
abstract class IommuDomain {
  private final IommuDriver owner;

  IommuDomain(IommuDriver owner) {
    this.owner = owner;
  }

  final IommuDriver owner() {
    return owner;
  }
}
