// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

/** A page table over an IOAS: made by the program, or by itself when a device was attached. */
final class PagingHwpt extends Hwpt {
  private final Ioas ioas;
  private final PagingDomain domain;
  private final boolean nestParent;
  private boolean automatic;

  PagingHwpt(IommufdContext context, Ioas ioas, PagingDomain domain, boolean nestParent) {
    super(context, domain);
    this.ioas = ioas;
    this.domain = domain;
    this.nestParent = nestParent;
    ioas.use();
  }

  Ioas ioas() {
    return ioas;
  }

  @Override
  PagingDomain domain() {
    return domain;
  }

  @Override
  PagingHwpt paging() {
    return this;
  }

  boolean isNestParent() {
    return nestParent;
  }

  /** Made by itself: it goes with the last device. */
  boolean isAutomatic() {
    return automatic;
  }

  void automatic() {
    automatic = true;
  }

  /** From the moment that it holds what the IOAS maps. */
  void fill() {
    ioas.add(this);
  }

  @Override
  void destroyed() {
    super.destroyed();
    if (ioas.hwpts().contains(this)) {
      ioas.remove(this);
    }
    ioas.unuse();
  }
}
