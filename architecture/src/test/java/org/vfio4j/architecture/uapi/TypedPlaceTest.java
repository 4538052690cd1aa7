// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.architecture.uapi;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.vfio4j.KernelNeeds;
import org.vfio4j.coverage.Inventory;
import org.vfio4j.coverage.Inventory.Constant;
import org.vfio4j.coverage.Inventory.Field;
import org.vfio4j.coverage.Inventory.Ioctl;
import org.vfio4j.coverage.Inventory.Layout;

/** Everything that the kernel offers has its typed place: a constant, a struct, each field. */
class TypedPlaceTest {
  private static final Inventory INVENTORY = Inventory.load();

  @Test
  void nothingIsMissing() {
    assertThat(new TypedPlaces().missing(INVENTORY)).isEmpty();
  }

  @Test
  void nothingIsThereThatTheInventoryDoesNotHave() {
    assertThat(new TypedPlaces().unknown(INVENTORY)).isEmpty();
  }

  @Test
  void theInventoryIsNotEmpty() {
    assertThat(INVENTORY.ioctls()).hasSizeGreaterThan(50);
    assertThat(INVENTORY.structs()).hasSizeGreaterThan(70);
    assertThat(INVENTORY.constants()).hasSizeGreaterThan(200);
  }

  /** The library's table for people says the same of releases and options as the inventory. */
  @Test
  void whatACallNeedsIsKnownAndRight() {
    List<String> differences = new ArrayList<>();
    for (Ioctl ioctl : INVENTORY.ioctls()) {
      Optional<KernelNeeds> needs = KernelNeeds.of(ioctl.name());
      KernelNeeds expected = new KernelNeeds(ioctl.since().toString(), "CONFIG_" + ioctl.config());
      if (!needs.equals(Optional.of(expected))) {
        differences.add(ioctl.name() + ": " + needs + ", not " + expected);
      }
    }
    for (Constant constant : INVENTORY.constants()) {
      KernelNeeds.of(constant.name())
          .filter(needs -> !needs.release().equals(constant.since().toString()))
          .ifPresent(needs -> differences.add(constant.name() + ": " + needs));
    }
    for (Layout layout : INVENTORY.structs()) {
      for (Field field : layout.fields()) {
        String name = layout.tag() + "." + field.name();
        KernelNeeds.of(name)
            .filter(needs -> !needs.release().equals(field.since().toString()))
            .ifPresent(needs -> differences.add(name + ": " + needs));
      }
    }
    assertThat(differences).isEmpty();
  }
}
