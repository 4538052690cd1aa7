// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.architecture.rules;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.EvaluationResult;
import java.io.IOException;
import java.lang.module.ModuleDescriptor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.Opcodes;

/** Each rule sees each way to break it: one fixture for each. */
@Tag("architecture")
class BrokenRulesTest {
  private static final String FIXTURES = "org.vfio4j.architecture.fixture.";

  @Nested
  class Rule1 {
    private final List<String> violations =
        violations(ArchitectureRules.IOMMUFD_KNOWS_NO_GROUP, fixture("rule1"));

    @Test
    void dependenciesOnGroupDeviceAndCdev() {
      assertBroken(violations, "iommufd.UsesTheOthers.group", "rule1.group.Container");
      assertBroken(violations, "iommufd.UsesTheOthers.device", "rule1.device.OpenDevice");
      assertBroken(violations, "iommufd.UsesTheOthers.cdev", "rule1.cdev.DeviceFile");
    }

    @Test
    void namesOfClassFieldAndMethod() {
      assertBroken(violations, "class", "rule1.iommufd.GroupOfPages has \"Group\" in its name");
      assertBroken(violations, "Names.pageGroup has \"Group\" in its name");
      assertBroken(violations, "Names.openGroupFile() has \"Group\" in its name");
    }

    @Test
    void stringsThatNameAGroupPath() {
      assertBroken(violations, "Paths names a group path: \"/dev/vfio/vfio\"");
      assertBroken(violations, "Paths names a group path: \"/sys/kernel/iommu_groups\"");
      assertBroken(violations, "Paths names a group path: \"/dev/vfio/noiommu-");
      assertBroken(violations, "Concatenated names a group path: \"/dev/vfio/");
    }

    @Test
    void nothingElse() {
      assertThat(violations).noneMatch(line -> line.contains("Innocent"));
    }
  }

  @Nested
  class Rule2 {
    private final List<String> violations =
        violations(ArchitectureRules.GENERATIONS_ARE_APART, fixture("rule2"));

    @Test
    void groupDependsOnIommufdAndCdev() {
      assertBroken(violations, "group.Container.iommufd", "rule2.iommufd.Ioas");
      assertBroken(violations, "group.Container.cdev", "rule2.cdev.DeviceFile");
    }

    @Test
    void cdevAndDeviceDependOnGroup() {
      assertBroken(violations, "cdev.DeviceFile.container", "rule2.group.Container");
      assertBroken(violations, "device.OpenDevice.container", "rule2.group.Container");
    }
  }

  @Nested
  class Rule3 {
    private final List<String> violations =
        violations(ArchitectureRules.FEW_SEE_BOTH_GENERATIONS, fixture("rule3"));

    @Test
    void classThatSeesBoth() {
      assertBroken(violations, "rule3.one sees both", "class OneClass: device-centric, group-");
    }

    @Test
    void packageWhoseClassesSeeOneEach() {
      assertBroken(violations, "rule3.two sees both", "class SeesCdev: device-centric");
      assertBroken(violations, "rule3.two sees both", "class SeesContainer: group-centric");
    }

    @Test
    void moduleThatRequiresBothDirectlyOrNot() {
      List<ModuleDescriptor> modules =
          List.of(
              module("org.vfio4j.group"),
              module("org.vfio4j.iommufd"),
              module("org.vfio4j.cdev", "org.vfio4j.iommufd"),
              module("org.vfio4j.bridge", "org.vfio4j.cdev", "org.vfio4j.group"),
              module("org.vfio4j.mdev", "org.vfio4j.cdev", "org.vfio4j.group"),
              module("org.vfio4j.mdev.sub", "org.vfio4j.mdev"));

      assertThat(ArchitectureRules.modulesThatSeeBothGenerations(modules))
          .containsExactly(
              "module org.vfio4j.mdev sees both generations",
              "module org.vfio4j.mdev.sub sees both generations");
    }
  }

  /** On classes that are written here: JDK 17 has no java.lang.foreign to compile against. */
  @Nested
  class Rule4 {
    @TempDir Path folder;

    @Test
    void twoPackagesTouchJna() throws IOException {
      write("one.UsesJna", "com/sun/jna/Pointer");
      write("two.UsesJna", "com/sun/jna/ptr/IntByReference");

      assertBroken(
          violations(),
          "two.UsesJna touches com.sun.jna.., which one package may; these do: one, two");
    }

    @Test
    void twoPackagesTouchForeign() throws IOException {
      write("one.UsesForeign", "java/lang/foreign/MemorySegment");
      write("two.UsesForeign", "java/lang/foreign/Linker");

      assertBroken(
          violations(),
          "one.UsesForeign touches java.lang.foreign.., which one package may; these do: one, two");
    }

    @Test
    void anyPackageTouchesUnsafe() throws IOException {
      write("one.UsesSunUnsafe", "sun/misc/Unsafe");
      write("one.UsesJdkUnsafe", "jdk/internal/misc/Unsafe");

      assertBroken(violations(), "one.UsesSunUnsafe.used", "<sun.misc.Unsafe>");
      assertBroken(violations(), "one.UsesJdkUnsafe.used", "<jdk.internal.misc.Unsafe>");
    }

    @Test
    void onePackageForEachIsAllowed() throws IOException {
      write("one.UsesJna", "com/sun/jna/Pointer");
      write("one.UsesJnaToo", "com/sun/jna/Native");
      write("two.UsesForeign", "java/lang/foreign/MemorySegment");

      assertThat(violations()).isEmpty();
    }

    private List<String> violations() {
      return BrokenRulesTest.violations(
          ArchitectureRules.NATIVE_ACCESS_HAS_ONE_PLACE,
          new ClassFileImporter().importPath(folder));
    }

    /** A class with a field of the type. */
    private void write(String name, String fieldType) throws IOException {
      String path = name.replace('.', '/');
      ClassWriter writer = new ClassWriter(0);
      writer.visit(Opcodes.V17, Opcodes.ACC_PUBLIC, path, null, "java/lang/Object", null);
      writer.visitField(Opcodes.ACC_PUBLIC, "used", "L" + fieldType + ";", null, null).visitEnd();
      writer.visitEnd();
      Path file = folder.resolve(path + ".class");
      Files.createDirectories(file.getParent());
      Files.write(file, writer.toByteArray());
    }
  }

  @Nested
  class Rule5 {
    @Test
    void cycleOfPackages() {
      assertBroken(
          violations(ArchitectureRules.NO_PACKAGE_CYCLES, fixture("rule5")),
          "Cycle detected",
          "rule5.a",
          "rule5.b");
    }

    @Test
    void exportOfAnInternalPackage() {
      JavaClasses none = new ClassFileImporter().importPaths(List.of());
      ModuleDescriptor module =
          ModuleDescriptor.newModule("m").exports("m.open").exports("m.libc").build();
      ModuleDescriptor toFriends =
          ModuleDescriptor.newModule("n").exports("n.internal.x", Set.of("m")).build();

      assertThat(ArchitectureRules.exportsOfInternalPackages(List.of(module, toFriends), none))
          .containsExactly(
              "module m exports the internal m.libc", "module n exports the internal n.internal.x");
    }

    @Test
    void exportOfAPackageThatTouchesJna() {
      String name = FIXTURES + "rule5.nativecode";
      ModuleDescriptor module = ModuleDescriptor.newModule("m").exports(name).build();

      assertThat(ArchitectureRules.exportsOfInternalPackages(List.of(module), fixture("rule5")))
          .containsExactly("module m exports the internal " + name);
    }
  }

  private static JavaClasses fixture(String name) {
    return new ClassFileImporter().importPackages(FIXTURES + name);
  }

  private static List<String> violations(ArchRule rule, JavaClasses classes) {
    EvaluationResult result = rule.evaluate(classes);
    return result.getFailureReport().getDetails();
  }

  private static void assertBroken(List<String> violations, String... parts) {
    assertThat(violations).anySatisfy(violation -> assertThat(violation).contains(parts));
  }

  private static ModuleDescriptor module(String name, String... requires) {
    ModuleDescriptor.Builder builder = ModuleDescriptor.newModule(name);
    for (String required : requires) {
      builder.requires(required);
    }
    return builder.build();
  }
}
