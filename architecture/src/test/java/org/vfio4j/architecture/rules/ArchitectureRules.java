// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.architecture.rules;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMember;
import com.tngtech.archunit.core.domain.PackageMatcher;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.CompositeArchRule;
import com.tngtech.archunit.lang.ConditionEvent;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleDescriptor.Exports;
import java.lang.module.ModuleDescriptor.Requires;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The architecture rules. Each is applied to the main classes of all modules, which must keep it,
 * and to fixtures that break it in every way it names.
 *
 * <p>"Group" in a package pattern is the group-centric API, "cdev" and "iommufd" are the
 * device-centric one, "device" is what both share.
 */
final class ArchitectureRules {
  /** Who may see both generations; rules 1 to 3 do not concern them. */
  private static final List<String> SEE_BOTH =
      List.of("bridge", "testkit", "examples", "benchmarks", "cli");

  /** Packages that are never exported, by the last parts of their names. */
  private static final Set<String> INTERNAL =
      Set.of("internal", "libc", "jna", "ffm", "foreign", "panama");

  private static final String JNA = "com.sun.jna..";
  private static final String FOREIGN = "java.lang.foreign..";

  /** What only the group-centric API opens or reads; not {@code /dev/vfio/devices/vfioN}. */
  private static final Pattern GROUP_PATH =
      Pattern.compile("iommu_group|/dev/vfio(?!/devices)|\\bvfio/vfio\\b|\\bnoiommu-");

  static final DescribedPredicate<JavaClass> IOMMUFD = api("..iommufd..");
  static final DescribedPredicate<JavaClass> GROUP = api("..group..");
  static final DescribedPredicate<JavaClass> CDEV_AND_DEVICE = api("..cdev..", "..device..");

  /** Rule 1. */
  static final ArchRule IOMMUFD_KNOWS_NO_GROUP =
      CompositeArchRule.of(
              noClasses()
                  .that(IOMMUFD)
                  .should()
                  .dependOnClassesThat()
                  .resideInAnyPackage("..group..", "..device..", "..cdev.."))
          .and(classes().that(IOMMUFD).should(haveNoNameWithGroup()))
          .and(classes().that(IOMMUFD).should(haveNoStringThatNamesAGroupPath()))
          .as("1: iommufd knows neither groups nor devices");

  /** Rule 2. */
  static final ArchRule GENERATIONS_ARE_APART =
      CompositeArchRule.of(
              noClasses()
                  .that(GROUP)
                  .should()
                  .dependOnClassesThat()
                  .resideInAnyPackage("..iommufd..", "..cdev.."))
          .and(
              noClasses()
                  .that(CDEV_AND_DEVICE)
                  .should()
                  .dependOnClassesThat()
                  .resideInAPackage("..group.."))
          .as("2: group knows neither iommufd nor cdev; cdev and device know no group");

  /** Rule 3; its other half, about modules, is {@link #modulesThatSeeBothGenerations}. */
  static final ArchRule FEW_SEE_BOTH_GENERATIONS =
      classes()
          .that(not(resideInAnyPackage(packagesThatSeeBoth())))
          .should(beInAPackageThatSeesOneGeneration())
          .as("3: only " + String.join(", ", SEE_BOTH) + " see both generations");

  /** Rule 4. */
  static final ArchRule NATIVE_ACCESS_HAS_ONE_PLACE =
      CompositeArchRule.of(classes().should(beInTheOnlyPackageThatTouches(JNA)))
          .and(classes().should(beInTheOnlyPackageThatTouches(FOREIGN)))
          .and(
              noClasses()
                  .should()
                  .dependOnClassesThat()
                  .haveNameMatching("(sun|jdk\\.internal)\\.misc\\.Unsafe(\\$.*)?"))
          .as("4: one package touches JNA, one java.lang.foreign, none Unsafe");

  /** Rule 5; its other half, about modules, is {@link #exportsOfInternalPackages}. */
  static final ArchRule NO_PACKAGE_CYCLES =
      slices()
          .assignedFrom(eachPackage())
          .should()
          .beFreeOfCycles()
          .as("5: no cycles between packages");

  private ArchitectureRules() {}

  /** Rule 3 for {@code requires}, direct or not: which modules see both generations and may not. */
  static List<String> modulesThatSeeBothGenerations(Collection<ModuleDescriptor> modules) {
    Map<String, ModuleDescriptor> byName =
        modules.stream().collect(Collectors.toMap(ModuleDescriptor::name, Function.identity()));
    return modules.stream()
        .filter(module -> SEE_BOTH.stream().noneMatch(name -> module.name().endsWith("." + name)))
        .filter(
            module -> {
              Set<String> seen = new TreeSet<>();
              addRequired(module, byName, seen);
              return generations(seen.stream()).size() > 1;
            })
        .map(module -> "module " + module.name() + " sees both generations")
        .toList();
  }

  private static void addRequired(
      ModuleDescriptor module, Map<String, ModuleDescriptor> byName, Set<String> seen) {
    seen.add(module.name());
    for (Requires requires : module.requires()) {
      if (byName.containsKey(requires.name()) && !seen.contains(requires.name())) {
        addRequired(byName.get(requires.name()), byName, seen);
      }
    }
  }

  /**
   * Rule 5 for {@code exports}: which internal packages are exported, to whomever. Internal are
   * those named so, and those that touch a native-access API.
   */
  static List<String> exportsOfInternalPackages(
      Collection<ModuleDescriptor> modules, JavaClasses classes) {
    Set<String> internal = packagesTouching(classes.stream(), JNA);
    internal.addAll(packagesTouching(classes.stream(), FOREIGN));
    return modules.stream()
        .flatMap(
            module ->
                module.exports().stream()
                    .map(Exports::source)
                    .filter(name -> internal.contains(name) || isNamedInternal(name))
                    .map(name -> "module " + module.name() + " exports the internal " + name))
        .toList();
  }

  private static boolean isNamedInternal(String packageName) {
    return Stream.of(packageName.split("\\.")).anyMatch(INTERNAL::contains);
  }

  static Set<String> packagesThatTouchJna(JavaClasses classes) {
    return packagesTouching(classes.stream(), JNA);
  }

  // --- rule 1 ---

  private static ArchCondition<JavaClass> haveNoNameWithGroup() {
    return new ArchCondition<>("have no name that contains \"Group\"") {
      @Override
      public void check(JavaClass type, ConditionEvents events) {
        if (saysGroup(type.getSimpleName())) {
          events.add(violated(type, "class " + type.getName() + " has \"Group\" in its name"));
        }
        for (JavaMember member : type.getMembers()) {
          if (saysGroup(member.getName())) {
            events.add(violated(type, member.getFullName() + " has \"Group\" in its name"));
          }
        }
      }
    };
  }

  private static boolean saysGroup(String name) {
    return name.toLowerCase(Locale.ROOT).contains("group");
  }

  private static ArchCondition<JavaClass> haveNoStringThatNamesAGroupPath() {
    return new ArchCondition<>("have no string constant that names a group path") {
      @Override
      public void check(JavaClass type, ConditionEvents events) {
        for (String text : ConstantPool.strings(type)) {
          if (GROUP_PATH.matcher(text).find()) {
            events.add(violated(type, type.getName() + " names a group path: \"" + text + "\""));
          }
        }
      }
    };
  }

  // --- rule 3 ---

  private static ArchCondition<JavaClass> beInAPackageThatSeesOneGeneration() {
    return new ArchCondition<>("be in a package that sees one generation") {
      private final Map<String, Set<String>> seenByPackage = new HashMap<>();

      @Override
      public void init(Collection<JavaClass> all) {
        for (JavaClass type : all) {
          seenByPackage
              .computeIfAbsent(type.getPackageName(), name -> new TreeSet<>())
              .addAll(generationsSeenBy(type));
        }
      }

      @Override
      public void check(JavaClass type, ConditionEvents events) {
        Set<String> seen = generationsSeenBy(type);
        if (!seen.isEmpty() && seenByPackage.get(type.getPackageName()).size() > 1) {
          events.add(
              violated(
                  type,
                  "package %s sees both generations; its class %s: %s"
                      .formatted(
                          type.getPackageName(), type.getSimpleName(), String.join(", ", seen))));
        }
      }
    };
  }

  private static Set<String> generationsSeenBy(JavaClass type) {
    return generations(Stream.concat(Stream.of(type.getPackageName()), targetPackages(type)));
  }

  private static Set<String> generations(Stream<String> packages) {
    Map<String, PackageMatcher> patterns =
        new TreeMap<>(
            Map.of(
                "group-centric", PackageMatcher.of("..group.."),
                "device-centric", PackageMatcher.of("..(cdev|iommufd).."))); // one group: "[a|b]"
    return packages
        .flatMap(
            name ->
                patterns.entrySet().stream()
                    .filter(pattern -> pattern.getValue().matches(name))
                    .map(Map.Entry::getKey))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  // --- rule 4 ---

  private static ArchCondition<JavaClass> beInTheOnlyPackageThatTouches(String api) {
    return new ArchCondition<>("be in the only package that touches " + api) {
      private Set<String> packages = Set.of();

      @Override
      public void init(Collection<JavaClass> all) {
        packages = packagesTouching(all.stream(), api);
      }

      @Override
      public void check(JavaClass type, ConditionEvents events) {
        if (packages.size() > 1 && touches(type, api)) {
          events.add(
              violated(
                  type,
                  "%s touches %s, which one package may; these do: %s"
                      .formatted(type.getName(), api, String.join(", ", packages))));
        }
      }
    };
  }

  private static Set<String> packagesTouching(Stream<JavaClass> classes, String api) {
    return classes
        .filter(type -> touches(type, api))
        .map(JavaClass::getPackageName)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static boolean touches(JavaClass type, String api) {
    return targetPackages(type).anyMatch(PackageMatcher.of(api)::matches);
  }

  // --- rule 5 ---

  private static SliceAssignment eachPackage() {
    return new SliceAssignment() {
      @Override
      public SliceIdentifier getIdentifierOf(JavaClass type) {
        return resideInAPackage("org.vfio4j..").test(type)
            ? SliceIdentifier.of(type.getPackageName())
            : SliceIdentifier.ignore();
      }

      @Override
      public String getDescription() {
        return "each package";
      }
    };
  }

  // --- all ---

  private static DescribedPredicate<JavaClass> api(String... packages) {
    return resideInAnyPackage(packages).and(not(resideInAnyPackage(packagesThatSeeBoth())));
  }

  private static String[] packagesThatSeeBoth() {
    return SEE_BOTH.stream().map(name -> "org.vfio4j." + name + "..").toArray(String[]::new);
  }

  private static Stream<String> targetPackages(JavaClass type) {
    return type.getDirectDependenciesFromSelf().stream()
        .map(dependency -> dependency.getTargetClass().getBaseComponentType().getPackageName());
  }

  private static ConditionEvent violated(JavaClass type, String message) {
    return SimpleConditionEvent.violated(type, message);
  }
}
