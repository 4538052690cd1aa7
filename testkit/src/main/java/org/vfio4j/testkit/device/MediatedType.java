// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

/**
 * A kind of mediated device that a driver offers.
 *
 * @param name the second part of its folder's name, behind that of the driver: {@code 1} of {@code
 *     mtty-1}
 * @param prettyName for people
 * @param description empty where the driver describes none
 */
public record MediatedType(String name, String prettyName, String description) {
  public MediatedType(String name, String prettyName) {
    this(name, prettyName, "");
  }
}
