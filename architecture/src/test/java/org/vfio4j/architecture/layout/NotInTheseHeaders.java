// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.architecture.layout;

import java.util.Map;
import java.util.TreeMap;
import org.vfio4j.coverage.Inventory;
import org.vfio4j.coverage.Inventory.Layout;
import org.vfio4j.coverage.Release;

/**
 * What the lab's kernel headers (6.12) lack by the inventory, or have in a shorter form: structs
 * ({@code "struct tag"}) and numbers, each with the kernel that has it. The library's are compared
 * with the inventory then. Everything else that the headers lack is an error.
 */
final class NotInTheseHeaders {
  static final Map<String, String> REASONS = reasons(Inventory.load());

  private NotInTheseHeaders() {}

  private static Map<String, String> reasons(Inventory inventory) {
    Map<String, String> reasons = new TreeMap<>();
    inventory.ioctls().forEach(ioctl -> add(reasons, ioctl.name(), ioctl.since()));
    inventory.constants().forEach(number -> add(reasons, number.name(), number.since()));
    for (Layout layout : inventory.structs()) {
      String name = "struct " + layout.tag();
      add(reasons, name, layout.since());
      layout.fields().forEach(field -> add(reasons, name, field.since()));
    }
    return reasons;
  }

  private static void add(Map<String, String> reasons, String name, Release since) {
    if (since.isAfter(6, 12)) {
      reasons.putIfAbsent(name, since.toString());
    }
  }
}
