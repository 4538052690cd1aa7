// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

/**
 * What the program calls a device when it binds it, and what faults and events of the device come
 * back with.
 *
 * <p>The kernel knows a bound device by its {@link DevId} only and keeps no cookie; this library
 * keeps it with the binding.
 */
public record DeviceCookie(long value) {
  public static DeviceCookie of(long value) {
    return new DeviceCookie(value);
  }

  @Override
  public String toString() {
    return "cookie " + Long.toUnsignedString(value);
  }
}
