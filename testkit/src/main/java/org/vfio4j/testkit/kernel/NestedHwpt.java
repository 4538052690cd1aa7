// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

/** A page table of a guest. */
final class NestedHwpt extends Hwpt {
  private final PagingHwpt parent;
  private final IommufdObject from;
  private final NestedDomain domain;

  /**
   * @param from what it was made from and keeps in use: the parent, or a virtual IOMMU over it
   */
  NestedHwpt(IommufdContext context, PagingHwpt parent, IommufdObject from, NestedDomain domain) {
    super(context, domain);
    this.parent = parent;
    this.from = from;
    this.domain = domain;
    from.use();
  }

  @Override
  NestedDomain domain() {
    return domain;
  }

  @Override
  PagingHwpt paging() {
    return parent;
  }

  @Override
  void destroyed() {
    super.destroyed();
    from.unuse();
  }
}
