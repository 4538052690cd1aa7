// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.architecture.uapi;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.vfio4j.coverage.Inventory;

/** Everything that the kernel offers has its typed place: a constant, a struct, each field. */
class TypedPlaceTest {
  private static final Inventory INVENTORY = Inventory.load();

  @Test
  void nothingIsMissingButWhatIsListed() throws IOException {
    assertThat(listed()).containsAll(new TypedPlaces().missing(INVENTORY));
  }

  @Test
  void theInventoryIsNotEmpty() {
    assertThat(INVENTORY.ioctls()).hasSizeGreaterThan(50);
    assertThat(INVENTORY.structs()).hasSizeGreaterThan(70);
    assertThat(INVENTORY.constants()).hasSizeGreaterThan(200);
  }

  /** What is being written. */
  private static List<String> listed() throws IOException {
    try (InputStream in = TypedPlaceTest.class.getResourceAsStream("missing.txt")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
    }
  }
}
