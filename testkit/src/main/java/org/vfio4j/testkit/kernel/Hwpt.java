// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

/** A page table of hardware over an IOAS, made by itself when the first device was attached. */
final class Hwpt extends IommufdObject {
  private final Ioas ioas;

  Hwpt(IommufdContext context, Ioas ioas) {
    super(context);
    this.ioas = ioas;
    ioas.use();
  }

  Ioas ioas() {
    return ioas;
  }

  /** From the moment that it holds what the IOAS maps. */
  void fill() {
    ioas.add(this, context().outOfAperture());
  }

  @Override
  void destroyed() {
    if (ioas.hwpts().contains(this)) {
      ioas.remove(this);
    }
    ioas.unuse();
  }
}
