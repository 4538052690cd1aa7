// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.mdev;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

/** Whatever names and links say: nothing outside sysfs and the configuration folder is reached. */
class ConfinementTest {
  private static final UUID ID = UUID.fromString("5b2ac74b-0f11-4d57-b1f7-5d2d9d4a51f0");

  @TempDir private Path folder;
  private Path outside;
  private SysTreeOnDisk tree;

  @BeforeEach
  void make() throws IOException {
    tree = new SysTreeOnDisk(folder);
    outside = Files.createDirectories(folder.resolve("outside"));
    Files.writeString(outside.resolve("secret"), "untouched");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", ".", "..", "../..", "a/b", "/etc", "mtty/../../outside", "a\0b", "a\nb"})
  void namesAreNames(String name) {
    MdevBus bus = tree.bus();
    refused(() -> bus.parent(name));
    refused(() -> bus.findParent(name));
    refused(() -> bus.parent("mtty").type(name));
    refused(() -> MdevDefinition.of(name, ID, "mtty-1"));
    refused(() -> MdevDefinition.of("mtty", ID, name));
    MdevDefinitions definitions = MdevDefinitions.at(bus, folder.resolve("mdevctl.d"));
    refused(() -> definitions.get(name, ID));
    refused(() -> definitions.list(name));
    refused(() -> definitions.undefine(name, ID));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "..",
        "../mtty",
        "vendor/../../..",
        "/etc/passwd",
        "vendor//x",
        "vendor/",
        "."
      })
  void attributesAreBelowTheDevice(String attribute) {
    tree.device(ID.toString());
    Mdev mdev = tree.bus().device(ID);
    refused(() -> mdev.attribute(attribute));
    refused(() -> mdev.setAttribute(attribute, "1"));
    refused(() -> MdevDefinition.of("mtty", ID, "mtty-1").withAttribute(attribute, "1"));
    assertThat(mdev.attribute("vendor/speed")).isEqualTo("9600");
  }

  @Test
  void linksThatLeadOut() throws IOException {
    tree.device(ID.toString());
    String device = SysTreeOnDisk.PARENT + "/" + ID;
    tree.link("class/mdev_bus/absolute", outside.toString());
    tree.link("class/mdev_bus/relative", "../../../outside");
    tree.link("class/mdev_bus/circle", "circle");
    tree.link(SysTreeOnDisk.PARENT + "/mdev_supported_types/evil", "../../../../../../outside");
    tree.link(device + "/vendor/evil", "../../../../../../../outside/secret");
    tree.link(device + "/other", "../mdev_supported_types/mtty-1");
    MdevBus bus = tree.bus();
    refused(() -> bus.parent("absolute"));
    refused(() -> bus.parent("relative"));
    refused(() -> bus.parent("circle"));
    refused(() -> bus.parent("mtty").type("evil"));
    Mdev mdev = bus.device(ID);
    refused(() -> mdev.attribute("vendor/evil"));
    refused(() -> mdev.setAttribute("vendor/evil", "1"));
    refused(() -> mdev.setAttribute("other/create", "1"));
    assertThat(mdev.attributes()).containsExactly("vendor/speed");
    assertThat(outside.resolve("secret")).hasContent("untouched");
  }

  /** A device whose folder is elsewhere is none. */
  @Test
  void aDeviceThatLeadsOut() throws IOException {
    Files.createSymbolicLink(outside.resolve("mdev_type"), tree.sys().resolve(SysTreeOnDisk.TYPE));
    tree.link("bus/mdev/devices/" + ID, "../../../../outside");
    refused(() -> tree.bus().device(ID));
    UUID other = UUID.fromString("5b2ac74b-0f11-4d57-b1f7-5d2d9d4a51f1");
    tree.file(SysTreeOnDisk.PARENT + "/" + other + "/remove", "");
    tree.link(SysTreeOnDisk.PARENT + "/" + other + "/mdev_type", outside.toString());
    tree.link("bus/mdev/devices/" + other, "../../../" + SysTreeOnDisk.PARENT + "/" + other);
    refused(() -> tree.bus().device(other));
  }

  @Test
  void configurationThatLeadsOut() throws IOException {
    Path config = Files.createDirectories(folder.resolve("mdevctl.d"));
    Files.createSymbolicLink(config.resolve("mtty"), outside);
    Files.writeString(outside.resolve(ID.toString()), "untouched");
    MdevDefinitions definitions = MdevDefinitions.at(tree.bus(), config);
    MdevDefinition definition = MdevDefinition.of("mtty", ID, "mtty-1");
    assertThat(definitions.list().definitions()).isEmpty();
    assertThat(catchThrowableOfType(VfioException.class, () -> definitions.define(definition)))
        .isNotNull();
    assertThat(catchThrowableOfType(VfioException.class, () -> definitions.get("mtty", ID)))
        .isNotNull();
    assertThat(catchThrowableOfType(VfioException.class, () -> definitions.undefine("mtty", ID)))
        .isNotNull();
    assertThat(outside.resolve(ID.toString())).hasContent("untouched");
    assertThat(config).isDirectoryNotContaining(path -> path.toString().contains("vfio4j"));

    Files.delete(config.resolve("mtty"));
    Files.createDirectories(config.resolve("mtty"));
    Files.createSymbolicLink(config.resolve("mtty/" + ID), outside.resolve("secret"));
    assertThat(definitions.list().definitions()).isEmpty();
    assertThat(catchThrowableOfType(VfioException.class, () -> definitions.get("mtty", ID)))
        .isNotNull();
    // A new file takes the place of the link, and what it led to stays.
    definitions.define(definition);
    assertThat(definitions.get("mtty", ID)).isEqualTo(definition);
    assertThat(outside.resolve("secret")).hasContent("untouched");
  }

  private static void refused(ThrowingCallable call) {
    VfioException refusal = catchThrowableOfType(VfioException.class, call);
    assertThat(refusal).isNotNull();
    assertThat(refusal.reason()).as(refusal.getMessage()).isEqualTo(Reason.INVALID_ARGUMENT);
    assertThat(refusal.errno()).isEmpty();
  }
}
