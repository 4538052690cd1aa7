// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.mdev;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

class MdevDefinitionsTest {
  private static final UUID ID = UUID.fromString("5b2ac74b-0f11-4d57-b1f7-5d2d9d4a51f0");

  @TempDir private Path folder;
  private Path config;
  private MdevDefinitions definitions;
  private final MdevDefinition definition = MdevDefinition.of("0000:00:02.0", ID, "i915-GVTg_V5_4");

  @BeforeEach
  void make() {
    config = folder.resolve("etc/mdevctl.d");
    definitions = MdevDefinitions.at(new SysTreeOnDisk(folder).bus(), config);
  }

  @Test
  void defineModifyUndefine() throws IOException {
    assertThat(definitions.list()).isEqualTo(new MdevDefinitions.Listing(List.of(), List.of()));
    assertThat(definitions.find("0000:00:02.0", ID)).isEmpty();
    refused(Reason.NO_SUCH_DEVICE, () -> definitions.get("0000:00:02.0", ID));
    refused(Reason.NO_SUCH_DEVICE, () -> definitions.modify(definition));
    refused(Reason.NO_SUCH_DEVICE, () -> definitions.undefine("0000:00:02.0", ID));
    definitions.define(definition);
    assertThat(config.resolve("0000:00:02.0/" + ID)).hasContent(definition.toJson());
    assertThat(Files.getPosixFilePermissions(config.resolve("0000:00:02.0/" + ID)).toString())
        .contains("OTHERS_READ")
        .doesNotContain("EXECUTE");
    refused(Reason.ALREADY_EXISTS, () -> definitions.define(definition));
    MdevDefinition changed = definition.withAutostart(true).withAttribute("vendor/x", "1");
    definitions.modify(changed);
    assertThat(definitions.get("0000:00:02.0", ID)).isEqualTo(changed);
    // The same UUID may be defined for another parent.
    MdevDefinition other = MdevDefinition.of("mtty", ID, "mtty-1");
    definitions.define(other);
    assertThat(definitions.list().definitions()).containsExactly(changed, other);
    assertThat(definitions.list("mtty").definitions()).containsExactly(other);
    definitions.undefine("0000:00:02.0", ID);
    assertThat(definitions.list().definitions()).containsExactly(other);
    assertThat(config).isDirectoryNotContaining("glob:**.tmp");
  }

  @Test
  void whatElseIsThere() throws IOException {
    definitions.define(definition);
    Path parent = config.resolve("0000:00:02.0");
    Files.writeString(parent.resolve("README"), "not a UUID");
    Files.writeString(parent.resolve(ID.toString().replace('5', 'A')), "not as it is written");
    Files.writeString(parent.resolve("5b2ac74b-0f11-4d57-b1f7-5d2d9d4a51f9"), "junk");
    Files.createDirectories(config.resolve("scripts.d/" + ID));
    Files.writeString(config.resolve("file"), "");
    MdevDefinitions.Listing listing = definitions.list();
    assertThat(listing.definitions()).containsExactly(definition);
    assertThat(listing.broken()).hasSize(1);
    assertThat(listing.broken().get(0))
        .hasMessageContaining("0000:00:02.0/5b2ac74b-0f11-4d57-b1f7-5d2d9d4a51f9");
  }

  @Test
  void noPlaceForIt() throws IOException {
    Files.createDirectories(config.getParent());
    Files.writeString(config, "a file");
    refused(Reason.OTHER, () -> definitions.define(definition));
  }

  private static void refused(Reason reason, ThrowingCallable call) {
    VfioException refusal = catchThrowableOfType(VfioException.class, call);
    assertThat(refusal).isNotNull();
    assertThat(refusal.reason()).as(refusal.getMessage()).isEqualTo(reason);
  }
}
