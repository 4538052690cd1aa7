// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.architecture;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.module.ModuleDescriptor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What the modules of the reactor are made of: their main classes, read from their build folders.
 */
public final class Production {
  private static final Pattern MODULE = Pattern.compile("<module>([^<]+)</module>");
  private static final Path ROOT =
      Path.of(System.getProperty("basedir", "")).toAbsolutePath().getParent();

  private Production() {}

  /**
   * The modules that the root POM lists and that have main code; not {@code downstream}, which
   * stands for somebody else's project and has no part in the rules.
   */
  public static List<Path> modules() {
    List<Path> modules = new ArrayList<>();
    Matcher module = MODULE.matcher(read(ROOT.resolve("pom.xml")));
    while (module.find()) {
      Path folder = ROOT.resolve(module.group(1));
      if (isOurs(folder) && Files.isDirectory(folder.resolve("src/main/java"))) {
        modules.add(folder);
      }
    }
    return modules;
  }

  private static boolean isOurs(Path folder) {
    return read(folder.resolve("pom.xml")).contains("<parent>");
  }

  /** All main classes. */
  public static JavaClasses classes() {
    return new ClassFileImporter().importPaths(classFolders());
  }

  /** The compiled {@code module-info} of each module that has one. */
  public static List<ModuleDescriptor> descriptors() {
    List<ModuleDescriptor> descriptors = new ArrayList<>();
    for (Path folder : classFolders()) {
      Path file = folder.resolve("module-info.class");
      if (Files.exists(file)) {
        try (InputStream in = Files.newInputStream(file)) {
          descriptors.add(ModuleDescriptor.read(in));
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }
    return descriptors;
  }

  private static List<Path> classFolders() {
    return modules().stream().map(Production::classFolder).filter(Files::isDirectory).toList();
  }

  /** Where the compiler puts the main classes of a module. */
  public static Path classFolder(Path module) {
    return module.resolve("target/classes");
  }

  /** Whether the module has a source file that becomes a class of its own. */
  public static boolean hasTypes(Path module) {
    try (Stream<Path> files = Files.walk(module.resolve("src/main/java"))) {
      return files
          .map(file -> file.getFileName().toString())
          .anyMatch(name -> name.endsWith(".java") && !name.endsWith("-info.java"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
