// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

/**
 * {@code out_devid}: the id of a bound device inside its iommufd. Of a mediated device it is the id
 * of an access object, which the calls about hardware do not take (ENOENT).
 */
public record DevId(int value) {
  @Override
  public String toString() {
    return "device " + value;
  }
}
