// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.architecture.layout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vfio4j.architecture.fixture.layout.BrokenNumbers;
import org.vfio4j.architecture.fixture.layout.BrokenStructs;
import org.vfio4j.memory.Struct;

/** The layout test sees each way to be wrong: one fixture for each. */
@Tag("layout")
class BrokenLayoutTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "WrongSize     | SIZEOF: 44 here, 40 in C",
        "WrongOffset   | offset IOVA: 28 here, 32 in C",
        "WrongCapacity | capacity(): 48 here, 40 in C",
        "WideSetter    | setter flags: touches bytes [4, 5, 6, 7, 8, 9, 10, 11], in C the field is "
            + "[4, 5, 6, 7]",
        "NarrowSetter  | setter userVa: touches bytes [16, 17, 18, 19], in C the field is [16, 17, "
            + "18, 19, 20, 21, 22, 23]",
        "NarrowGetter  | getter length: touches bytes [24, 25], in C the field is [24, 25, 26, 27, "
            + "28, 29, 30, 31]",
        "SetterAstray  | setter iova: touches bytes [24, 25, 26, 27, 28, 29, 30, 31], in C the "
            + "field is [32, 33, 34, 35, 36, 37, 38, 39]",
        "UnknownField  | COOKIE: struct iommu_ioas_map has no field [cookie, __cookie]",
        "NoOffset      | userVa(): no offset USER_VA",
      })
  void wrongStruct(String fixture, String difference) throws Exception {
    assertThat(differences(BrokenStructs.class.getName() + "$" + fixture + "$IommuIoasMap"))
        .containsExactly(difference);
  }

  @Test
  void structThatTheHeadersLack() throws Exception {
    assertThat(differences(BrokenStructs.class.getName() + "$IommuNoSuchThing"))
        .containsExactly("the headers have no struct iommu_no_such_thing");
  }

  @Test
  void rightStruct() throws Exception {
    assertThat(differences(BrokenStructs.class.getName() + "$Right$IommuIoasMap")).isEmpty();
  }

  @Test
  void wrongNumbers() throws Exception {
    NumbersUnderTest numbers = new NumbersUnderTest(BrokenNumbers.class);
    CompilerView c = CompilerView.of(LayoutTest.headers(), numbers.expressions());

    assertThat(numbers.differences(c, Set.of()))
        .containsExactly(
            "IOMMU_IOAS_MAP: 0x3b86 here, 0x3b85 in C",
            "IOMMU_IOAS_MAP_READABLE: 0x8 here, 0x4 in C",
            "the headers have no IOMMU_NO_SUCH_THING");
    assertThat(numbers.differences(c, Set.of("IOMMU_NO_SUCH_THING", "IOMMU_IOAS_MAP")))
        .containsExactly("IOMMU_IOAS_MAP_READABLE: 0x8 here, 0x4 in C");
  }

  @Test
  void foldersWithoutTheHeadersAreAnError(@TempDir Path empty) throws IOException {
    Files.createDirectory(empty.resolve("linux"));
    Files.writeString(empty.resolve("linux/iommufd.h"), "#error not the header\n");

    assertThatThrownBy(() -> CompilerView.of(empty, List.of("VFIO_API_VERSION")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("not the header");
  }

  @Test
  void namesBecomeThoseOfC() {
    assertThat(StructUnderTest.snakeCase("VfioIommuType1InfoDmaAvail"))
        .isEqualTo("vfio_iommu_type1_info_dma_avail");
    assertThat(StructUnderTest.snakeCase("IommuHwptVtdS1")).isEqualTo("iommu_hwpt_vtd_s1");
    assertThat(StructUnderTest.snakeCase("val64")).isEqualTo("val64");
  }

  private static List<String> differences(String className) throws Exception {
    StructUnderTest struct = new StructUnderTest(Class.forName(className).asSubclass(Struct.class));
    return struct.differences(
        CompilerView.of(LayoutTest.headers(), new TreeSet<>(struct.expressions())));
  }
}
