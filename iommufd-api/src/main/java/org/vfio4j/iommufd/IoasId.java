// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

/** The id of an IOAS inside its iommufd. */
public record IoasId(int value) implements PtId {
  @Override
  public String toString() {
    return "IOAS " + value;
  }
}
