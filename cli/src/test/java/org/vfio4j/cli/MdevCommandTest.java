// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.grack.nanojson.JsonArray;
import com.grack.nanojson.JsonParser;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.vfio4j.linux.Linux;
import org.vfio4j.mdev.MdevBus;
import org.vfio4j.mdev.MdevDefinition;
import org.vfio4j.mdev.MdevDefinitions;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.device.MdpyDriver;
import org.vfio4j.testkit.device.MttyDriver;
import org.vfio4j.testkit.machine.KernelVersion;
import picocli.CommandLine;

class MdevCommandTest {
  private static final String ID = "5b2ac74b-0f11-4d57-b1f7-5d2d9d4a51f0";

  private final FakeKernel kernel =
      FakeKernel.of(
          KernelVersion.LINUX_6_12,
          machine -> {
            machine.mediated(MttyDriver.PARENT, new MttyDriver());
            machine.mediated(MdpyDriver.PARENT, new MdpyDriver());
          });

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir private Path folder;

  private int run(String... arguments) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    CommandLine program = Vfio4j.commandLine(kernel);
    return program.setOut(new PrintWriter(out)).setErr(new PrintWriter(err)).execute(arguments);
  }

  @Test
  void types() throws Exception {
    assertThat(run("mdev", "types")).isZero();
    assertThat(out.toString().lines())
        .containsExactly(
            "PARENT  TYPE      API       LEFT  NAME",
            "mdpy    mdpy-hd   vfio-pci  4     virtual display, 1920x1080 framebuffer",
            "mdpy    mdpy-vga  vfio-pci  4     virtual display, 640x480 framebuffer",
            "mdpy    mdpy-xga  vfio-pci  4     virtual display, 1024x768 framebuffer",
            "mtty    mtty-1    vfio-pci  24    Single port serial",
            "mtty    mtty-2    vfio-pci  12    Dual port serial");
    assertThat(run("mdev", "types", "--json")).isZero();
    JsonArray types = JsonParser.array().from(out.toString());
    assertThat(types).hasSize(5);
    assertThat(types.getObject(4).getInt("available_instances")).isEqualTo(12);
  }

  @Test
  void createListRemove() throws Exception {
    assertThat(run("mdev", "create", "mtty", "mtty-1", "--uuid", ID)).isZero();
    assertThat(out.toString().strip()).isEqualTo(ID);
    assertThat(run("mdev", "list")).isZero();
    assertThat(out.toString().lines())
        .containsExactly(
            "UUID                                  PARENT  TYPE    HELD BY",
            ID + "  mtty    mtty-1  -");
    int fd = kernel.open("/dev/vfio/devices/vfio0", Linux.O_RDWR);
    run("mdev", "list", "--json");
    assertThat(JsonParser.array().from(out.toString()).getObject(0).getArray("held_by")).hasSize(1);
    assertThat(run("mdev", "remove", ID)).isEqualTo(1);
    assertThat(err.toString()).contains("fact: it is held by process").doesNotContain("\tat ");
    kernel.close(fd);
    assertThat(run("mdev", "remove", ID)).isZero();
    assertThat(run("mdev", "remove", ID)).isEqualTo(1);
    assertThat(run("mdev", "create", "mtty", "mtty-1")).isZero();
    assertThat(UUID.fromString(out.toString().strip())).isNotNull();
    assertThat(run("mdev", "create", "mtty", "mtty-9")).isEqualTo(1);
    assertThat(err.toString()).contains("the types of mtty are mtty-1, mtty-2");
    assertThat(run("mdev", "remove", "no-uuid")).isEqualTo(2);
  }

  @Test
  void definitions() throws Exception {
    MdevDefinitions definitions = MdevDefinitions.at(MdevBus.of(kernel), folder);
    definitions.define(
        MdevDefinition.of("mtty", UUID.fromString(ID), "mtty-2").withAutostart(true));
    String place = "--definitions=" + folder;
    assertThat(run("mdev", place, "start", "mtty", ID)).isZero();
    assertThat(run("mdev", place, "defined")).isZero();
    assertThat(out.toString()).contains(ID + "  mtty    mtty-2  auto   yes");
    assertThat(run("mdev", place, "stop", "mtty", ID)).isZero();
    assertThat(run("mdev", place, "defined", "--json")).isZero();
    assertThat(JsonParser.array().from(out.toString()).getObject(0).getBoolean("active", true))
        .isFalse();
    assertThat(run("mdev", place, "start", "mdpy", ID)).isEqualTo(1);
  }

  @Test
  void definesModifiesAndForgets() throws Exception {
    String place = "--definitions=" + folder;
    String[] define = {
      "mdev", place, "define", "mtty", "mtty-1", "--uuid", ID, "--auto", "--attribute=a/b=1=2"
    };
    assertThat(run(define)).isZero();
    assertThat(out.toString().strip()).isEqualTo(ID);
    assertThat(run(define)).isEqualTo(1);
    assertThat(err.toString()).contains("there is a definition of this parent and UUID already");
    MdevDefinitions definitions = MdevDefinitions.at(MdevBus.of(kernel), folder);
    UUID uuid = UUID.fromString(ID);
    MdevDefinition expected =
        MdevDefinition.of("mtty", uuid, "mtty-1").withAutostart(true).withAttribute("a/b", "1=2");
    assertThat(definitions.get("mtty", uuid)).isEqualTo(expected);

    // As cards of vfio_ap want it: the same attribute more than once, in this order.
    assertThat(
            run(
                "mdev",
                place,
                "modify",
                "mtty",
                ID,
                "--no-auto",
                "--type=mtty-2",
                "--clear-attributes",
                "--attribute=x=5",
                "--attribute=y=",
                "--attribute=x=6"))
        .isZero();
    expected =
        MdevDefinition.of("mtty", uuid, "mtty-2")
            .withAttribute("x", "5")
            .withAttribute("y", "")
            .withAttribute("x", "6");
    assertThat(definitions.get("mtty", uuid)).isEqualTo(expected);
    assertThat(run("mdev", place, "modify", "mtty", ID, "--auto")).isZero();
    assertThat(definitions.get("mtty", uuid)).isEqualTo(expected.withAutostart(true));
    assertThat(run("mdev", place, "modify", "mdpy", ID, "--auto")).isEqualTo(1);

    assertThat(run("mdev", place, "undefine", "mtty", ID)).isZero();
    assertThat(run("mdev", place, "undefine", "mtty", ID)).isEqualTo(1);
    assertThat(run("mdev", place, "defined", "--json")).isZero();
    assertThat(JsonParser.array().from(out.toString())).isEmpty();
    assertThat(run("mdev", place, "define", "mtty", "mtty-1")).isZero();
    assertThat(definitions.get("mtty", UUID.fromString(out.toString().strip())).isAutostart())
        .isFalse();
  }

  @Test
  void startsWhatIsToStart() {
    String place = "--definitions=" + folder;
    run("mdev", place, "define", "mtty", "mtty-1", "--uuid", ID, "--auto");
    run("mdev", place, "define", "mdpy", "mdpy-hd");
    assertThat(run("mdev", place, "autostart", "mdpy")).isZero();
    assertThat(out.toString()).isEmpty();
    assertThat(run("mdev", place, "autostart")).isZero();
    assertThat(out.toString().strip()).isEqualTo(ID + " mtty mtty-1 auto");
    assertThat(run("mdev", place, "autostart")).isZero();
    assertThat(out.toString()).isEmpty();
    run("mdev", place, "define", "mdpy", "mdpy-9", "--auto");
    assertThat(run("mdev", place, "autostart")).isEqualTo(1);
    assertThat(err.toString()).contains("the types of mdpy are mdpy-hd");
  }

  @Test
  void attributes() throws Exception {
    run("mdev", "create", "mdpy", "mdpy-vga", "--uuid", ID);
    assertThat(run("mdev", "attributes", ID)).isZero();
    assertThat(out.toString().lines())
        .containsExactly("ATTRIBUTE          VALUE", "vendor/resolution  640x480");
    assertThat(run("mdev", "attributes", ID, "--json")).isZero();
    assertThat(JsonParser.object().from(out.toString()).getString("vendor/resolution"))
        .isEqualTo("640x480");
    assertThat(run("mdev", "set", ID, "vendor/resolution=1x1")).isEqualTo(1);
    assertThat(err.toString()).contains("the attribute is not there to write");
    assertThat(run("mdev", "set", ID, "../remove=1")).isEqualTo(1);
    assertThat(run("mdev", "remove", "--timeout=1", ID)).isZero();
  }

  @Test
  void wrongUsage() {
    assertThat(run()).isEqualTo(2);
    assertThat(run("mdev")).isEqualTo(2);
    assertThat(run("mdev", "nonsense")).isEqualTo(2);
    assertThat(run("mdev", "set", ID, "vendor/resolution")).isEqualTo(2);
    assertThat(err.toString()).contains("'vendor/resolution' is not NAME=VALUE");
    // One that the JDK would take for 00000001-0001-0001-0001-000000000001.
    assertThat(run("mdev", "create", "mtty", "mtty-1", "--uuid", "1-1-1-1-1")).isEqualTo(2);
    assertThat(MdevBus.of(kernel).devices()).isEmpty();
  }

  @Test
  void help() {
    assertThat(run("mdev", "--help")).isZero();
    assertThat(out.toString())
        .contains("types", "list", "create", "remove", "attributes", "set", "defined", "define")
        .contains("modify", "undefine", "start", "stop", "autostart");
    assertThat(run("mdev", "define", "--help")).isZero();
    assertThat(out.toString()).contains("--attribute=NAME=VALUE");
    for (String command : new String[] {"types", "set", "autostart", "modify"}) {
      assertThat(run("mdev", command, "--help")).as(command).isZero();
      assertThat(out.toString()).contains("Usage: vfio4j mdev " + command);
    }
    assertThat(run("--help")).isZero();
    assertThat(out.toString()).contains("Exit status:");
  }
}
