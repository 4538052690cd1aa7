// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

/** What has an id in an iommufd. */
abstract class IommufdObject {
  private final IommufdContext context;
  private int id;
  private int users;

  IommufdObject(IommufdContext context) {
    this.context = context;
  }

  final IommufdContext context() {
    return context;
  }

  public final int id() {
    return id;
  }

  final void id(int given) {
    id = given;
  }

  /** Others that it cannot be destroyed under. */
  final boolean isUsed() {
    return users > 0;
  }

  final void use() {
    users++;
  }

  final void unuse() {
    users--;
  }

  /** It has lost its id, and is to undo what it did. */
  abstract void destroyed();

  @Override
  public final String toString() {
    return getClass().getSimpleName() + " " + id;
  }
}
