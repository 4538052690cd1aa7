// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.testkit.device.MediatedType;

/** A kind of mediated device, as a parent offers it. */
record MdevType(MdevParent parent, MediatedType type) {
  /** Of its folder. */
  String name() {
    return parent.driver().name() + "-" + type.name();
  }

  String path() {
    return parent.path() + "/mdev_supported_types/" + name();
  }

  int available() {
    return parent.driver().available(type).orElse(parent.left());
  }
}
