// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.architecture.layout;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.tngtech.archunit.core.domain.JavaClass;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.vfio4j.architecture.Production;
import org.vfio4j.coverage.Inventory;
import org.vfio4j.coverage.Inventory.Layout;
import org.vfio4j.linux.Linux;
import org.vfio4j.memory.Struct;

/** Every struct and every number of the kernel's, in all modules, as the C compiler sees them. */
@Tag("layout")
class LayoutTest {
  private static final Set<String> ABSENT = new TreeSet<>(NotInTheseHeaders.REASONS.keySet());

  private static List<Class<?>> structs;
  private static List<Class<?>> numbers;
  private static CompilerView c;

  @BeforeAll
  static void compile() throws ReflectiveOperationException, IOException {
    structs = find(type -> type.isAssignableTo(Struct.class) && !type.isEquivalentTo(Struct.class));
    numbers =
        find(type -> type.getSimpleName().endsWith("Uapi") || type.isEquivalentTo(Linux.class));
    Set<String> expressions = new TreeSet<>();
    for (String absent : ABSENT) {
      expressions.add(absent.startsWith("struct ") ? "sizeof(" + absent + ")" : absent);
    }
    for (Class<?> type : structs) {
      expressions.addAll(struct(type).expressions());
    }
    for (Class<?> type : numbers) {
      expressions.addAll(new NumbersUnderTest(type).expressions());
    }
    c = CompilerView.of(headers(), expressions);
    ABSENT.removeIf(LayoutTest::isInTheHeaders);
  }

  @Test
  void structsAndNumbersWereFound() {
    assertThat(structs).isNotEmpty();
    assertThat(numbers).isNotEmpty();
  }

  @Test
  void everyClassOfAUapiPackageIsOneOrTheOther() {
    List<Class<?>> others =
        new ArrayList<>(
            find(
                type ->
                    type.getPackageName().endsWith(".uapi")
                        && type.isTopLevelClass()
                        && !type.getSimpleName().equals("package-info")));
    others.removeAll(structs);
    others.removeAll(numbers);
    assertThat(others)
        .as("neither a Struct nor named *Uapi, so that nothing compares it")
        .isEmpty();
  }

  @TestFactory
  Stream<DynamicTest> struct() {
    return structs.stream()
        .map(
            type ->
                dynamicTest(
                    type.getSimpleName(),
                    () -> {
                      StructUnderTest struct = struct(type);
                      if (!ABSENT.contains(struct.tag())) {
                        assertThat(struct.differences(c)).as(type.getName()).isEmpty();
                      }
                    }));
  }

  @TestFactory
  Stream<DynamicTest> number() {
    return numbers.stream()
        .map(
            type ->
                dynamicTest(
                    type.getSimpleName(),
                    () ->
                        assertThat(new NumbersUnderTest(type).differences(c, ABSENT))
                            .as(type.getName())
                            .isEmpty()));
  }

  /** Newer things may have been carried back into these headers: then the compiler judges. */
  private static boolean isInTheHeaders(String name) {
    OptionalLong value = c.value(name.startsWith("struct ") ? "sizeof(" + name + ")" : name);
    Layout layout = Inventory.load().struct(name.replace("struct ", ""));
    return value.isPresent() && (layout == null || value.getAsLong() == layout.size());
  }

  /** The folder of {@code linux/vfio.h}, from the one who runs the tests. */
  static Path headers() {
    String folder = System.getProperty("kernel.headers", "");
    assertThat(Path.of(folder).resolve("linux/iommufd.h"))
        .as("-Dkernel.headers=$(kernel-lab/lab headers)")
        .matches(Files::exists, "exists");
    return Path.of(folder);
  }

  private static StructUnderTest struct(Class<?> type) throws ReflectiveOperationException {
    return new StructUnderTest(type.asSubclass(Struct.class));
  }

  private static List<Class<?>> find(Predicate<JavaClass> predicate) {
    return Production.classes().stream()
        .filter(predicate)
        .<Class<?>>map(JavaClass::reflect)
        .sorted(Comparator.comparing(Class::getName))
        .toList();
  }
}
