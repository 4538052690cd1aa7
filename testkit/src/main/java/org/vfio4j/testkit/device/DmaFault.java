// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

/**
 * What a device tried to reach and could not.
 *
 * @param device its PCI address, or the UUID of a mediated device
 * @param iova the first address that it could not reach
 * @param write whether it was to be written
 * @param mapped whether there was memory, but for reading only
 */
public record DmaFault(String device, long iova, boolean write, boolean mapped) {
  @Override
  public String toString() {
    return String.format(
        "%s %s IOVA %#x, which is %s",
        device, write ? "wrote to" : "read from", iova, mapped ? "read-only" : "not mapped");
  }
}
