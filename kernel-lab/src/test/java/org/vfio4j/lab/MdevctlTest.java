// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.mdev.Mdev;
import org.vfio4j.mdev.MdevBus;
import org.vfio4j.mdev.MdevDefinition;
import org.vfio4j.mdev.MdevDefinition.Attribute;
import org.vfio4j.mdev.MdevDefinitions;
import org.vfio4j.mdev.MdevParent;
import org.vfio4j.mdev.MdevType;

/** The same devices and definitions as the tool {@code mdevctl} has them. */
@Tag("lab")
@Tag("mdev")
@RealKernelOnly("mdevctl asks the kernel that it runs on")
class MdevctlTest {
  private static final UUID ID = UUID.fromString("5b2ac74b-0f11-4d57-b1f7-5d2d9d4a51f0");

  private final MdevBus bus = MdevBus.of(Lab.KERNEL);
  private final MdevDefinitions definitions = MdevDefinitions.of(bus);

  /** The guest sees the host's /etc, and cannot write there. */
  @BeforeAll
  static void aFolderOfItsOwn() throws Exception {
    run("mount", "-t", "tmpfs", "tmpfs", MdevDefinitions.PLACE.toString());
    Files.createDirectories(MdevDefinitions.PLACE.resolve("scripts.d/callouts"));
    Files.createDirectories(MdevDefinitions.PLACE.resolve("scripts.d/notifiers"));
  }

  @AfterAll
  static void theHostsFolder() throws Exception {
    run("umount", MdevDefinitions.PLACE.toString());
  }

  @AfterEach
  void nothingIsLeft() {
    assertThat(bus.devices()).isEmpty();
    for (MdevDefinition left : definitions.list().definitions()) {
      definitions.undefine(left.parent(), left.uuid());
    }
  }

  @Test
  void types() throws Exception {
    List<String> ours = new ArrayList<>();
    for (MdevParent parent : bus.parents()) {
      ours.add(parent.name());
      for (MdevType type : parent.types()) {
        ours.add("  " + type.name());
        ours.add("    Available instances: " + type.availableInstances());
        ours.add("    Device API: " + type.deviceApi());
        ours.add("    Name: " + type.prettyName());
        type.description().ifPresent(text -> ours.add("    Description: " + text));
      }
    }
    List<String> theirs = run("mdevctl", "types");
    assertThat(theirs).containsExactlyInAnyOrderElementsOf(ours);
  }

  @Test
  void devices() throws Exception {
    Mdev mdev = bus.parent("mtty").type("mtty-2").create();
    assertThat(run("mdevctl", "list")).containsExactly(mdev.uuid() + " mtty mtty-2 manual");
    mdev.remove();
    assertThat(run("mdevctl", "list")).isEmpty();

    run("mdevctl", "start", "-u", ID.toString(), "-p", "mdpy", "-t", "mdpy-xga");
    assertThat(bus.devices()).hasSize(1);
    assertThat(bus.device(ID).type().name()).isEqualTo("mdpy-xga");
    assertThat(bus.device(ID).attribute("vendor/resolution")).isEqualTo("1024x768");
    bus.device(ID).remove();

    Mdev ours = bus.parent("mbochs").type("mbochs-small").create(ID);
    run("mdevctl", "stop", "-u", ID.toString());
    assertThat(ours.exists()).isFalse();
  }

  @Test
  void whatWeDefineTheyStart() throws Exception {
    MdevDefinition definition = MdevDefinition.of("mtty", ID, "mtty-1").withAutostart(true);
    definitions.define(definition);
    assertThat(run("mdevctl", "list", "-d")).containsExactly(definition.toString());
    run("mdevctl", "start", "-u", ID.toString());
    assertThat(definitions.isActive(definition)).isTrue();
    assertThat(run("mdevctl", "list")).containsExactly(ID + " mtty mtty-1 auto (defined)");
    definitions.stop(definition);
    run("mdevctl", "start-parent-mdevs", "mtty");
    assertThat(definitions.isActive(definition)).isTrue();
    definitions.modify(definition.withType("mtty-2").withAutostart(false));
    assertThat(run("mdevctl", "list", "-d")).containsExactly(ID + " mtty mtty-2 manual");
    run("mdevctl", "stop", "-u", ID.toString());
    definitions.undefine("mtty", ID);
    assertThat(run("mdevctl", "list", "-d")).isEmpty();
  }

  @Test
  void whatTheyDefineWeStart() throws Exception {
    run("mdevctl", "define", "-u", ID.toString(), "-p", "mtty", "-t", "mtty-2", "--auto");
    MdevDefinition definition = definitions.get("mtty", ID);
    assertThat(definition).isEqualTo(MdevDefinition.of("mtty", ID, "mtty-2").withAutostart(true));
    assertThat(definitions.autostart())
        .containsExactly(new MdevDefinitions.Started(definition, java.util.Optional.empty()));
    assertThat(definitions.autostart()).as("it runs already").isEmpty();
    assertThat(run("mdevctl", "list")).containsExactly(ID + " mtty mtty-2 auto (defined)");
    definitions.stop(definition);
    Refusal.of(Reason.NO_SUCH_DEVICE, () -> definitions.stop(definition));

    run("mdevctl", "modify", "-u", ID.toString(), "--addattr=vendor/b", "--value=2");
    run("mdevctl", "modify", "-u", ID.toString(), "--addattr=vendor/a", "--value=1", "-i", "0");
    run("mdevctl", "modify", "-u", ID.toString(), "--manual");
    MdevDefinition modified = definitions.get("mtty", ID);
    assertThat(modified.isAutostart()).isFalse();
    assertThat(modified.attributes())
        .containsExactly(new Attribute("vendor/a", "1"), new Attribute("vendor/b", "2"));
    definitions.modify(modified.withAttribute("vendor/c", "3"));
    assertThat(run("mdevctl", "list", "-d", "-v"))
        .containsExactly(
            ID + " mtty mtty-2 manual",
            "  Attrs:",
            "    @{0}: {\"vendor/a\":\"1\"}",
            "    @{1}: {\"vendor/b\":\"2\"}",
            "    @{2}: {\"vendor/c\":\"3\"}");
    run("mdevctl", "undefine", "-u", ID.toString());
    assertThat(definitions.list().definitions()).isEmpty();
  }

  /** Neither leaves a device that is not as it was defined. */
  @Test
  void anAttributeThatIsRefused() throws Exception {
    MdevDefinition definition =
        MdevDefinition.of("mdpy", ID, "mdpy-hd").withAttribute("vendor/resolution", "1x1");
    definitions.define(definition);
    Refusal.of(Reason.NO_PERMISSION, () -> definitions.start(definition));
    assertThat(bus.devices()).isEmpty();
    assertThat(exec("mdevctl", "start", "-u", ID.toString()).status()).isNotZero();
    assertThat(bus.devices()).isEmpty();
  }

  /** What we leave behind when we are interrupted does not disturb them. */
  @Test
  void aTemporaryFile() throws Exception {
    MdevDefinition definition = MdevDefinition.of("mtty", ID, "mtty-1");
    definitions.define(definition);
    Path left = Files.writeString(MdevDefinitions.PLACE.resolve(".vfio4j-0.tmp"), "{ half");
    Output output = exec("mdevctl", "list", "-d");
    assertThat(output.status()).isZero();
    assertThat(output.lines()).containsExactly(definition.toString());
    assertThat(definitions.list().broken()).isEmpty();
    Files.delete(left);
  }

  private record Output(int status, List<String> lines) {}

  /** The lines that it prints, without empty ones. */
  private static List<String> run(String... command) throws IOException, InterruptedException {
    Output output = exec(command);
    assertThat(output.status()).as("%s: %s", Arrays.toString(command), output.lines()).isZero();
    return output.lines();
  }

  private static Output exec(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String text = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).as(Arrays.toString(command)).isTrue();
    return new Output(process.exitValue(), text.lines().filter(line -> !line.isBlank()).toList());
  }
}
