// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.List;

/** What is compared. */
public final class Domains {
  /** Address spaces without a device: what is mapped is not pinned. */
  public static final Domain IOMMUFD =
      new Domain("iommufd", IommufdCalls.opening(), IommufdCalls.kinds());

  private Domains() {}

  public static List<Domain> all() {
    return List.of(IOMMUFD);
  }
}
