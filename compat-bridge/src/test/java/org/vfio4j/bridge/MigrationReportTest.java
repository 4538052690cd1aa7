// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a report makes of the calls that were counted, and the code that it gives. */
class MigrationReportTest {
  private static final VfioMode V2 = VfioMode.BRIDGE_TYPE1V2;

  private static final String IMPORTS =
      List.of(
              "java.util.List",
              "org.vfio4j.Errno",
              "org.vfio4j.cdev.*",
              "org.vfio4j.device.*",
              "org.vfio4j.dma.*",
              "org.vfio4j.iommufd.*",
              "org.vfio4j.linux.*")
          .stream()
          .map(name -> "import " + name + ";\n")
          .reduce("", String::concat);

  @TempDir private Path folder;

  private final Tally tally = new Tally();

  private MigrationReport report() {
    return MigrationReport.of(tally);
  }

  private void made(LegacyCall... calls) {
    for (LegacyCall call : calls) {
      tally.made(V2, call);
    }
  }

  @Test
  void nothingWasDone() {
    assertThat(report().patterns()).isEmpty();
    assertThat(report()).hasToString("no call of the group API was made\n");
    assertThat(report().toJson())
        .isEqualTo("{\n  \"calls\": [],\n  \"refused\": [],\n  \"patterns\": []\n}\n");
  }

  @Test
  void whatWasDoneForACallIsInItsRow() {
    Cause set = tally.made(V2, LegacyCall.SET_IOMMU);
    tally.count(set, DeviceCall.IOMMU_IOAS_ALLOC);
    tally.count(set, DeviceCall.IOMMU_HWPT_ALLOC);
    tally.count(set, DeviceCall.IOMMU_HWPT_ALLOC);
    tally.made(VfioMode.BRIDGE_TYPE1, LegacyCall.SET_IOMMU);
    tally.made(null, LegacyCall.OPEN_CONTAINER);
    MigrationReport report = report();
    assertThat(report.rows())
        .extracting(MigrationReport.Row::call, MigrationReport.Row::mode)
        .containsExactly(
            tuple(LegacyCall.OPEN_CONTAINER, ""),
            tuple(LegacyCall.SET_IOMMU, "bridge_type1"),
            tuple(LegacyCall.SET_IOMMU, "bridge_type1v2"));
    assertThat(report.rows().get(2).became())
        .isEqualTo(Map.of(DeviceCall.IOMMU_IOAS_ALLOC, 1L, DeviceCall.IOMMU_HWPT_ALLOC, 2L));
    assertThat(report.count(LegacyCall.SET_IOMMU)).isEqualTo(2);
    assertThat(report.toString())
        .contains(
            "VFIO_SET_IOMMU       bridge_type1v2          1  IOMMU_IOAS_ALLOC x 1, IOMMU_HWPT_ALLOC x 2\n",
            "open /dev/vfio/vfio  -                       1  answered by the bridge\n");
    assertThat(report.toJson())
        .contains("{\"call\": \"open /dev/vfio/vfio\", \"mode\": null, \"count\": 1, ");
  }

  @Test
  void whatWasRefused() {
    tally.refused(V2, LegacyCall.IOMMU_MAP_DMA_VADDR, "no new address");
    tally.made(V2, LegacyCall.IOMMU_MAP_DMA);
    assertThat(report().patterns())
        .contains(MigrationPattern.ANOTHER_ADDRESS)
        .doesNotContain(MigrationPattern.UNMAP_OF_NOTHING);
    assertThat(report().toString())
        .contains("Refused:\nVFIO_IOMMU_MAP_DMA with VADDR x 1: no new address\n");
    assertThat(report().toJson()).contains("\"count\": 1, \"reason\": \"no new address\"}");
  }

  @Test
  void patternsAreSeenInTheCounts() {
    made(LegacyCall.GROUP_SET_CONTAINER, LegacyCall.SET_IOMMU, LegacyCall.GROUP_GET_DEVICE_FD);
    assertThat(report().patterns()).containsExactly(MigrationPattern.DEVICE_IN_A_SPACE);
    made(LegacyCall.GROUP_SET_CONTAINER, LegacyCall.CLOSE_CONTAINER);
    Cause unmap = tally.made(V2, LegacyCall.IOMMU_UNMAP_DMA);
    assertThat(report().patterns())
        .containsExactly(
            MigrationPattern.DEVICE_IN_A_SPACE,
            MigrationPattern.SEVERAL_IN_ONE_SPACE,
            MigrationPattern.UNMAP_OF_NOTHING,
            MigrationPattern.CLOSE);
    tally.count(unmap, DeviceCall.IOMMU_IOAS_UNMAP);
    assertThat(report().patterns())
        .doesNotContain(MigrationPattern.UNMAP_OF_NOTHING, MigrationPattern.UNMAP_OF_SEVERAL);
    tally.count(unmap, DeviceCall.IOMMU_IOAS_UNMAP);
    assertThat(report().patterns()).contains(MigrationPattern.UNMAP_OF_SEVERAL);
  }

  @Test
  void aDeviceThatIsOpenedAgain() {
    made(LegacyCall.GROUP_SET_CONTAINER, LegacyCall.SET_IOMMU);
    tally.made(null, LegacyCall.GROUP_GET_DEVICE_FD);
    made(LegacyCall.GROUP_GET_DEVICE_FD);
    tally.count(tally.made(V2, LegacyCall.CLOSE_DEVICE), DeviceCall.VFIO_DEVICE_BIND_IOMMUFD);
    assertThat(report().patterns()).doesNotContain(MigrationPattern.REOPENED);
    made(LegacyCall.GROUP_GET_DEVICE_FD);
    assertThat(report().patterns()).contains(MigrationPattern.REOPENED);
  }

  /** The code of a pattern is what a compiler takes, with what the patterns before it declared. */
  @ParameterizedTest
  @EnumSource
  void theCodeCompiles(MigrationPattern pattern) throws IOException {
    boolean first = pattern == MigrationPattern.DEVICE_IN_A_SPACE;
    String known =
        "Kernel kernel, PciAddress address, PciAddress otherAddress, long userVa, long length, long"
            + " iova, int memfd"
            + (first
                ? ""
                : ", Iommufd iommufd, Ioas ioas, BoundDevice device, Attachment attachment");
    String source =
        IMPORTS + "class Snippet { void run(" + known + ") {\n" + pattern.code() + "} }\n";
    assertThat(compile(source)).isEmpty();
    // And the compiler is no friend of everything.
    assertThat(compile(source.replace("} }", "nothing(); } }"))).contains("cannot find symbol");
  }

  /** What the compiler says against it. */
  private String compile(String source) throws IOException {
    Path file = Files.writeString(folder.resolve("Snippet.java"), source);
    ByteArrayOutputStream complaints = new ByteArrayOutputStream();
    String classPath =
        System.getProperty("jdk.module.path", "") + ":" + System.getProperty("java.class.path");
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    int status =
        compiler.run(
            null, null, complaints, "-d", folder.toString(), "-cp", classPath, file.toString());
    String text = complaints.toString(StandardCharsets.UTF_8);
    assertThat(text.isEmpty()).as(text).isEqualTo(status == 0);
    return text;
  }
}
