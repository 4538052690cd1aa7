// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.examples.edu;

import static org.assertj.core.api.Assertions.assertThat;

import com.grack.nanojson.JsonObject;
import com.grack.nanojson.JsonParser;
import com.grack.nanojson.JsonParserException;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.bridge.VfioMode;
import org.vfio4j.linux.PciAddress;
import org.vfio4j.testkit.FakeKernel;
import org.vfio4j.testkit.device.EduModel;
import org.vfio4j.testkit.machine.KernelVersion;
import picocli.CommandLine;

/** The demo and its driver, without a kernel. */
class DemoTest {
  private static final String ADDRESS = "0000:00:05.0";

  private final FakeKernel kernel =
      FakeKernel.of(
          KernelVersion.LINUX_6_12,
          machine -> machine.device(ADDRESS, new EduModel()).inGroup(1).boundTo("vfio-pci"));

  @Test
  void drivesEveryMode() {
    assertThat(new CommandLine(new Demo(kernel)).execute(ADDRESS)).isZero();
    assertThat(kernel.dmaFaults()).isEmpty();
  }

  /** With one mode of the bridge the report is there: for people, and as a part of the JSON. */
  @Test
  void saysWhatTheCallsBecame() throws JsonParserException {
    String text = printed("--mode", "bridge_type1v2");
    assertThat(text)
        .containsPattern("VFIO_IOMMU_MAP_DMA +bridge_type1v2 +1  IOMMU_IOAS_MAP x 1\n")
        .contains("The same by devices:", "Iommufd iommufd = Iommufd.open(kernel);\n")
        .contains("bridge_type1v2           ok ");
    JsonObject row =
        (JsonObject) JsonParser.array().from(printed("--mode", "bridge_type1", "--json")).get(0);
    assertThat(row.getString("result")).isEqualTo("ok");
    JsonObject migration = row.getObject("migration");
    assertThat(migration.getArray("calls")).isNotEmpty();
    assertThat(migration.getArray("refused")).isEmpty();
    JsonObject pattern = migration.getArray("patterns").getObject(0);
    assertThat(pattern.getString("pattern")).isEqualTo("DEVICE_IN_A_SPACE");
    assertThat(pattern.getString("write")).contains("device.attach(ioas);\n");
    assertThat(printed("--mode", "iommufd", "--json")).doesNotContain("migration");
  }

  /** What goes to standard output. */
  private String printed(String... options) {
    List<String> arguments = new ArrayList<>(List.of(ADDRESS));
    arguments.addAll(List.of(options));
    PrintStream before = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
    try {
      assertThat(new CommandLine(new Demo(kernel)).execute(arguments.toArray(String[]::new)))
          .isZero();
    } finally {
      System.setOut(before);
    }
    return printed.toString(StandardCharsets.UTF_8);
  }

  @Test
  void bringsAFakeKernelAlong() {
    FakeKernel empty = FakeKernel.of(KernelVersion.LINUX_6_12, machine -> {});
    assertThat(new CommandLine(new Demo(empty)).execute("0000:00:06.0", "--fake")).isZero();
  }

  @Test
  void failsWhereADeviceIsMissing() {
    assertThat(new CommandLine(new Demo(kernel)).execute("0000:00:06.0")).isNotZero();
  }

  @ParameterizedTest
  @EnumSource(VfioMode.class)
  void computes(VfioMode mode) {
    try (AssignedDevice assigned = AssignedDevice.open(kernel, mode, PciAddress.of(ADDRESS));
        EduDriver edu = new EduDriver(assigned.device())) {
      assertThat(edu.factorial(5)).isEqualTo(120);
      assertThat(edu.factorial(0)).isEqualTo(1);
      byte[] sent = {1, 2, 3, 4, 5};
      assertThat(edu.thereAndBack(assigned.dma(), sent)).isEqualTo(sent);
    }
  }
}
