// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.architecture.uapi;

import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.IdentifierTree;
import com.sun.source.tree.MemberReferenceTree;
import com.sun.source.tree.MemberSelectTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.NewClassTree;
import com.sun.source.tree.Tree;
import com.sun.source.tree.VariableTree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreePath;
import com.sun.source.util.TreePathScanner;
import com.sun.source.util.Trees;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import javax.lang.model.element.Element;
import javax.lang.model.element.ElementKind;
import javax.lang.model.element.ExecutableElement;
import javax.lang.model.element.Modifier;
import javax.lang.model.element.TypeElement;
import javax.lang.model.element.VariableElement;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * Where the library uses the kernel's numbers and structs, as the Java compiler resolves its
 * sources: the compiled classes have only the values of constants, not their names.
 *
 * <p>From each use the way goes up, from a method to those that call it and from a field to those
 * that read it, until something is found that programs can use.
 */
final class ApiReferences {
  private static final List<String> MODULES =
      List.of("linux-sys", "iommufd-api", "vfio-core", "vfio-group-legacy", "vfio-device-cdev");

  /** What is used, and by what. */
  private final Map<Element, Set<Element>> users = new HashMap<>();

  /** The library's constants and structs, by the name in the source. */
  private final Map<String, Element> kernel = new HashMap<>();

  private ApiReferences() {}

  static ApiReferences read(Path root) throws IOException {
    ApiReferences references = new ApiReferences();
    List<Path> sources = new ArrayList<>();
    for (String module : MODULES) {
      try (Stream<Path> files = Files.walk(root.resolve(module).resolve("src/main/java"))) {
        files
            .filter(file -> file.toString().endsWith(".java"))
            .filter(file -> !file.getFileName().toString().endsWith("-info.java"))
            .forEach(sources::add);
      }
    }
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
      List<String> options =
          List.of("-proc:none", "-classpath", System.getProperty("java.class.path"));
      JavacTask task =
          (JavacTask)
              compiler.getTask(
                  null, files, null, options, null, files.getJavaFileObjectsFromPaths(sources));
      List<CompilationUnitTree> units = new ArrayList<>();
      task.parse().forEach(units::add);
      task.analyze();
      Trees trees = Trees.instance(task);
      for (CompilationUnitTree unit : units) {
        new Uses(references, trees).scan(unit, null);
      }
    }
    return references;
  }

  /**
   * What of the public API uses a constant ({@code IOMMU_IOAS_MAP}) or a struct ({@code
   * IommuIoasMap}), nearest first: {@code Ioas.map}.
   */
  List<String> of(String name) {
    Element start = kernel.get(name);
    if (start == null) {
      return List.of();
    }
    Set<String> found = new LinkedHashSet<>();
    Set<Element> visited = new HashSet<>(Set.of(start));
    Deque<Element> next = new ArrayDeque<>(visited);
    while (!next.isEmpty()) {
      // One distance at a time, each in the order of the names.
      Set<Element> users = new HashSet<>();
      while (!next.isEmpty()) {
        users.addAll(this.users.getOrDefault(next.remove(), Set.of()));
      }
      Set<String> names = new TreeSet<>();
      for (Element user : users) {
        if (!visited.add(user)) {
          continue;
        }
        if (isApi(user)) {
          names.add(apiName(user));
        } else {
          next.add(user);
        }
      }
      found.addAll(names);
    }
    return List.copyOf(found);
  }

  private static boolean isApi(Element element) {
    Element outer = element;
    while (outer.getKind() != ElementKind.PACKAGE) {
      boolean isPublic = outer.getModifiers().contains(Modifier.PUBLIC);
      boolean isProtected = outer.getModifiers().contains(Modifier.PROTECTED);
      if (!isPublic && !isProtected && outer.getKind() != ElementKind.ENUM_CONSTANT) {
        return false;
      }
      outer = outer.getEnclosingElement();
    }
    return !outer.toString().endsWith(".uapi");
  }

  private static String apiName(Element element) {
    if (element instanceof TypeElement type) {
      return typeName(type);
    }
    String owner = typeName((TypeElement) element.getEnclosingElement());
    return element.getKind() == ElementKind.CONSTRUCTOR
        ? "new " + owner
        : owner + "." + element.getSimpleName();
  }

  private static String typeName(TypeElement type) {
    return type.getEnclosingElement() instanceof TypeElement outer
        ? typeName(outer) + "." + type.getSimpleName()
        : type.getSimpleName().toString();
  }

  /** Notes who uses what. */
  private static final class Uses extends TreePathScanner<Void, Void> {
    private final ApiReferences references;
    private final Trees trees;

    Uses(ApiReferences references, Trees trees) {
      this.references = references;
      this.trees = trees;
    }

    @Override
    public Void visitClass(ClassTree tree, Void unused) {
      Element type = trees.getElement(getCurrentPath());
      if (isInUapi(type) && type.getKind() == ElementKind.CLASS) {
        references.kernel.put(type.getSimpleName().toString(), type);
      }
      return super.visitClass(tree, null);
    }

    @Override
    public Void visitVariable(VariableTree tree, Void unused) {
      Element variable = trees.getElement(getCurrentPath());
      boolean number = variable != null && isInUapi(variable);
      if (number && variable.getEnclosingElement().getSimpleName().toString().endsWith("Uapi")) {
        references.kernel.put(variable.getSimpleName().toString(), variable);
      }
      return super.visitVariable(tree, null);
    }

    @Override
    public Void visitMemberSelect(MemberSelectTree tree, Void unused) {
      use(trees.getElement(getCurrentPath()));
      return super.visitMemberSelect(tree, null);
    }

    @Override
    public Void visitIdentifier(IdentifierTree tree, Void unused) {
      use(trees.getElement(getCurrentPath()));
      return super.visitIdentifier(tree, null);
    }

    @Override
    public Void visitMemberReference(MemberReferenceTree tree, Void unused) {
      use(trees.getElement(getCurrentPath()));
      return super.visitMemberReference(tree, null);
    }

    @Override
    public Void visitNewClass(NewClassTree tree, Void unused) {
      use(trees.getElement(getCurrentPath()));
      return super.visitNewClass(tree, null);
    }

    private void use(Element used) {
      boolean known =
          used instanceof ExecutableElement
              || (used instanceof VariableElement && used.getKind().isField())
              || (used instanceof TypeElement && isInUapi(used));
      Element user = known ? user() : null;
      if (user != null && !user.equals(used)) {
        references.users.computeIfAbsent(used, u -> new HashSet<>()).add(user);
        // Who offers a type offers what its methods say.
        if (used.getKind() == ElementKind.CONSTRUCTOR) {
          references
              .users
              .computeIfAbsent(used.getEnclosingElement(), u -> new HashSet<>())
              .add(user);
        }
      }
    }

    /** The method, or the field, that the place is in. */
    private Element user() {
      Element type = null;
      for (TreePath path = getCurrentPath(); path != null; path = path.getParentPath()) {
        Tree leaf = path.getLeaf();
        if (leaf instanceof MethodTree) {
          return trees.getElement(path);
        }
        if (leaf instanceof VariableTree) {
          Element variable = trees.getElement(path);
          if (variable != null && variable.getKind().isField()) {
            return variable;
          }
        }
        if (leaf instanceof ClassTree && type == null) {
          type = trees.getElement(path);
        }
      }
      return type;
    }

    private static boolean isInUapi(Element element) {
      Element outer = element;
      while (outer != null && outer.getKind() != ElementKind.PACKAGE) {
        outer = outer.getEnclosingElement();
      }
      return outer != null && outer.toString().endsWith(".uapi");
    }
  }

  /** The folder of the project. */
  static Path root() {
    try {
      return Path.of(System.getProperty("basedir", "")).toAbsolutePath().getParent().toRealPath();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
