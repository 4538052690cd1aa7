// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.function.ToIntFunction;
import org.vfio4j.Errno;

/** /dev, /proc and /sys: folders, links, attributes and device nodes. */
final class FileTree {
  private static final int MOST_LINKS = 40;

  private final Folder root = new Folder();

  /** What has a name in a folder. */
  sealed interface Node permits Folder, Link, Attribute, Special {}

  /** A folder; subclasses make up what is in them. */
  static non-sealed class Folder implements Node {
    private final Map<String, Node> entries = new TreeMap<>();

    Collection<String> names() {
      return entries.keySet();
    }

    /** Null where there is none. */
    Node find(String name) {
      return entries.get(name);
    }
  }

  /** A symbolic link, with the path as it is written in the link. */
  record Link(String target) implements Node {}

  /**
   * A file with a text.
   *
   * @param show null where it cannot be read
   * @param store takes what was written, gives how much of it; null where it cannot be written
   */
  record Attribute(Supplier<byte[]> show, ToIntFunction<byte[]> store) implements Node {
    /** How much of it was taken, or a negative errno. */
    int write(byte[] written) {
      return written.length == 0 ? 0 : store.applyAsInt(written);
    }

    static Attribute of(String text) {
      return of(() -> text);
    }

    static Attribute of(Supplier<String> text) {
      return new Attribute(() -> text.get().getBytes(StandardCharsets.UTF_8), null);
    }
  }

  /** A device node. */
  record Special(Supplier<OpenFile> open) implements Node {}

  /** Adds a node, and the folders on the way to it. */
  void add(String path, Node node) {
    int slash = path.lastIndexOf('/');
    folder(path.substring(0, slash)).entries.put(path.substring(slash + 1), node);
  }

  void addLink(String path, String target) {
    add(path, new Link(target));
  }

  void remove(String path) {
    int slash = path.lastIndexOf('/');
    folder(path.substring(0, slash)).entries.remove(path.substring(slash + 1));
  }

  /** The folder with this path without links, which is made where there is none. */
  Folder folder(String path) {
    Folder folder = root;
    for (String name : path.split("/")) {
      if (!name.isEmpty()) {
        folder = (Folder) folder.entries.computeIfAbsent(name, missing -> new Folder());
      }
    }
    return folder;
  }

  /** The node at the end of all links. */
  Node resolve(String path) {
    return walk(path, true);
  }

  /** The node of this name, be it a link itself. */
  Node resolveLink(String path) {
    return walk(path, false);
  }

  /** Whether this is still what the path leads to. */
  boolean has(String path, Node node) {
    try {
      return resolve(path) == node;
    } catch (KernelError e) {
      return false;
    }
  }

  private Node walk(String path, boolean followLast) {
    Deque<String> left = new ArrayDeque<>(List.of(path.split("/")));
    Deque<Folder> way = new ArrayDeque<>(List.of(root));
    Node node = root;
    int links = 0;
    while (!left.isEmpty()) {
      String name = left.pop();
      if (name.isEmpty() || name.equals(".")) {
        continue;
      }
      KernelError.refuseIf(!(node instanceof Folder), Errno.ENOTDIR);
      if (name.equals("..")) {
        if (way.size() > 1) {
          way.pop();
        }
        node = way.peek();
        continue;
      }
      Node next = way.peek().find(name);
      KernelError.refuseIf(next == null, Errno.ENOENT);
      if (next instanceof Link link && (followLast || !left.isEmpty())) {
        KernelError.refuseIf(++links > MOST_LINKS, Errno.ELOOP);
        if (link.target().startsWith("/")) {
          way.clear();
          way.push(root);
        }
        String[] parts = link.target().split("/");
        for (int i = parts.length - 1; i >= 0; i--) {
          left.push(parts[i]);
        }
        node = way.peek();
        continue;
      }
      node = next;
      if (next instanceof Folder folder) {
        way.push(folder);
      }
    }
    return node;
  }
}
