// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.architecture.layout;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.coverage.Inventory;
import org.vfio4j.coverage.Inventory.Constant;
import org.vfio4j.coverage.Inventory.Field;
import org.vfio4j.coverage.Inventory.Ioctl;
import org.vfio4j.coverage.Inventory.Layout;
import org.vfio4j.coverage.Release;

/**
 * The inventory of the user API, as far as the lab's headers (6.12) have it, and that it says of
 * what they lack that it is newer.
 */
@Tag("layout")
class InventoryTest {
  private static final Inventory INVENTORY = Inventory.load();

  private static CompilerView c;

  @BeforeAll
  static void compile() throws IOException {
    Set<String> expressions = new TreeSet<>();
    INVENTORY.ioctls().forEach(ioctl -> expressions.add(ioctl.name()));
    INVENTORY.constants().forEach(constant -> expressions.add(constant.name()));
    for (Layout layout : INVENTORY.structs()) {
      expressions.add(sizeof(layout));
      for (Field field : layout.fields()) {
        expressions.add(offsetof(layout, field));
        expressions.add(width(layout, field));
      }
    }
    c = CompilerView.of(LayoutTest.headers(), expressions);
  }

  @Test
  void ioctls() {
    List<String> differences = new ArrayList<>();
    for (Ioctl ioctl : INVENTORY.ioctls()) {
      compare(differences, ioctl.name(), ioctl.number(), c.value(ioctl.name()), ioctl.since());
    }
    assertThat(differences).isEmpty();
  }

  @Test
  void numbers() {
    List<String> differences = new ArrayList<>();
    for (Constant constant : INVENTORY.constants()) {
      OptionalLong value = c.value(constant.name());
      compare(differences, constant.name(), constant.value(), value, constant.since());
    }
    assertThat(differences).isEmpty();
  }

  @Test
  void structs() {
    List<String> differences = new ArrayList<>();
    for (Layout layout : INVENTORY.structs()) {
      boolean grown = layout.fields().stream().anyMatch(field -> isNewer(field.since()));
      if (!grown) {
        compare(differences, layout.tag(), layout.size(), c.value(sizeof(layout)), layout.since());
      }
      for (Field field : layout.fields()) {
        String name = layout.tag() + "." + field.name();
        OptionalLong offset = c.value(offsetof(layout, field));
        compare(differences, name, field.offset(), offset, field.since());
        if (field.width() != 0) {
          OptionalLong width = c.value(width(layout, field));
          compare(differences, "width of " + name, field.width(), width, field.since());
        }
      }
    }
    assertThat(differences).isEmpty();
  }

  private static void compare(
      List<String> differences, String name, long here, OptionalLong inC, Release since) {
    if (inC.isEmpty()) {
      if (!isNewer(since)) {
        differences.add(name + ": the headers lack it, though it is said to be of " + since);
      }
    } else if (inC.getAsLong() != here && (int) inC.getAsLong() != (int) here) {
      differences.add("%s: %#x here, %#x in C".formatted(name, here, inC.getAsLong()));
    }
  }

  private static boolean isNewer(Release since) {
    return since.isAfter(6, 12);
  }

  private static String sizeof(Layout layout) {
    return "sizeof(struct " + layout.tag() + ")";
  }

  private static String offsetof(Layout layout, Field field) {
    return "offsetof(struct " + layout.tag() + ", " + field.name() + ")";
  }

  private static String width(Layout layout, Field field) {
    return "sizeof(((struct " + layout.tag() + " *)0)->" + field.name() + ")";
  }
}
