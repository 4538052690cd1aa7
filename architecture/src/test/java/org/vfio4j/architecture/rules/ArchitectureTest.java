// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.architecture.rules;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import java.lang.module.ModuleDescriptor;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.vfio4j.architecture.Production;

/** The rules on the main classes of all modules, and that there was something for them to see. */
@Tag("architecture")
class ArchitectureTest {
  private static final JavaClasses CLASSES = Production.classes();
  private static final List<ModuleDescriptor> MODULES = Production.descriptors();

  @Test
  void everyModuleWasRead() {
    assertThat(Production.modules()).isNotEmpty();
    for (Path module : Production.modules()) {
      String folder = Production.classFolder(module).toUri().getPath();
      if (Production.hasTypes(module)) {
        assertThat(CLASSES)
            .as("classes of %s: is it a dependency of the module architecture?", module)
            .anyMatch(type -> type.getSource().orElseThrow().getUri().getPath().startsWith(folder));
      }
    }
    assertThat(MODULES)
        .extracting(ModuleDescriptor::name)
        .contains("org.vfio4j.linux", "org.vfio4j.iommufd", "org.vfio4j.group", "org.vfio4j.cdev");
  }

  @Test
  void rule1IommufdKnowsNoGroup() {
    assertMatches(10, ArchitectureRules.IOMMUFD);
    ArchitectureRules.IOMMUFD_KNOWS_NO_GROUP.check(CLASSES);
  }

  @Test
  void rule2GenerationsAreApart() {
    assertMatches(5, ArchitectureRules.GROUP);
    assertMatches(5, ArchitectureRules.CDEV_AND_DEVICE);
    ArchitectureRules.GENERATIONS_ARE_APART.check(CLASSES);
  }

  @Test
  void rule3FewSeeBothGenerations() {
    ArchitectureRules.FEW_SEE_BOTH_GENERATIONS.check(CLASSES);
    assertThat(ArchitectureRules.modulesThatSeeBothGenerations(MODULES)).isEmpty();
  }

  @Test
  void rule4NativeAccessHasOnePlace() {
    assertThat(ArchitectureRules.packagesThatTouchJna(CLASSES)).hasSize(1);
    ArchitectureRules.NATIVE_ACCESS_HAS_ONE_PLACE.check(CLASSES);
  }

  @Test
  void rule5NoCyclesAndNothingInternalIsExported() {
    assertThat(CLASSES.stream().map(JavaClass::getPackageName).distinct()).hasSizeGreaterThan(5);
    ArchitectureRules.NO_PACKAGE_CYCLES.check(CLASSES);
    assertThat(MODULES.stream().flatMap(module -> module.exports().stream())).isNotEmpty();
    assertThat(ArchitectureRules.exportsOfInternalPackages(MODULES, CLASSES)).isEmpty();
  }

  private static void assertMatches(int atLeast, DescribedPredicate<JavaClass> subject) {
    assertThat(CLASSES.stream().filter(subject)).hasSizeGreaterThanOrEqualTo(atLeast);
  }
}
