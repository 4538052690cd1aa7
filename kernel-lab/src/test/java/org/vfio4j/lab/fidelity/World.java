// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;

/** What a sequence has made so far, as its generators know it. */
public final class World {
  /** Memory that can be read and written: 2 MiB, and aligned to that. */
  public static final String MEMORY = "memory";

  /** Memory that can only be read: 64 KiB. */
  public static final String READ_ONLY = "readonly";

  private static final int NO_ID = 0x7ffffff0;
  private static final int KEPT = 48;

  private final Map<String, List<Handle>> handles = new TreeMap<>();
  private final Map<String, Integer> made = new TreeMap<>();
  private int slots;
  private final Handle memory = there(MEMORY);
  private final Handle readOnly = there(READ_ONLY);

  /** The memory of {@link #MEMORY}. */
  public Handle memory() {
    return memory;
  }

  public Handle readOnly() {
    return readOnly;
  }

  private Handle there(String kind) {
    Handle handle = handle(kind);
    handle.open();
    return handle;
  }

  /** For what a call makes that is under way. */
  public Handle handle(String kind) {
    int number = made.merge(kind, 1, Integer::sum);
    Handle handle = new Handle(kind, number, slots++);
    List<Handle> those = handles.computeIfAbsent(kind, k -> new ArrayList<>());
    if (those.size() == KEPT) {
      those.remove(0);
    }
    those.add(handle);
    return handle;
  }

  public boolean has(String kind) {
    return find(kind, handle -> true) != null;
  }

  public int count(String kind) {
    int count = 0;
    for (Handle handle : all(kind)) {
      count += handle.isOpen() ? 1 : 0;
    }
    return count;
  }

  /** Every handle that is remembered. */
  public List<Handle> all() {
    return handles.values().stream().flatMap(List::stream).toList();
  }

  private List<Handle> all(String kind) {
    return handles.getOrDefault(kind, List.of());
  }

  /** The first that is open and fits; null where none does. */
  public Handle find(String kind, Predicate<Handle> fits) {
    for (Handle handle : all(kind)) {
      if (handle.isOpen() && fits.test(handle)) {
        return handle;
      }
    }
    return null;
  }

  /**
   * Whether closing this descriptor may end what is to be kept; a closed one has a number that may
   * be in use.
   */
  boolean mustNotClose(Handle handle) {
    return handle.isKept() || (!handle.isOpen() && all().stream().anyMatch(Handle::isKept));
  }

  /** All that are open. */
  public List<Handle> open(String kind) {
    return all(kind).stream().filter(Handle::isOpen).toList();
  }

  /** One that is open; null where none is. */
  public Handle open(Draw draw, String kind) {
    List<Handle> open = open(kind);
    return open.isEmpty() ? null : draw.of(open);
  }

  /** One that is open and belongs to {@code owner}; null where none is. */
  public Handle open(Draw draw, String kind, Handle owner) {
    List<Handle> open = open(kind).stream().filter(handle -> handle.owner() == owner).toList();
    return open.isEmpty() ? null : draw.of(open);
  }

  /**
   * A descriptor: mostly one of these that is open, seldom a closed one, one of another kind or
   * none at all; null while there is none.
   */
  public Argument fd(Draw draw, String... kinds) {
    if (draw.chance(2)) {
      return anyFd(draw);
    }
    Handle handle = open(draw, kinds[draw.below(kinds.length)]);
    return handle == null ? null : Argument.of(handle);
  }

  /** Whatever may be given as a descriptor. */
  public Argument anyFd(Draw draw) {
    List<String> kinds =
        handles.keySet().stream().filter(kind -> !kind.equals(GroupCalls.DEVICE)).toList();
    List<Handle> those = all(draw.of(kinds));
    boolean none = draw.chance(20) || those.isEmpty();
    Handle handle = none ? memory : draw.of(those);
    return none || !handle.isDescriptor() ? Argument.of(-1) : Argument.of(handle);
  }

  /**
   * An id: mostly of one that is open and belongs to {@code owner}, seldom of another one, of
   * another owner, or of none.
   */
  public Argument id(Draw draw, Handle owner, String... kinds) {
    Handle handle = null;
    String kind = kinds[draw.below(kinds.length)];
    if (draw.chance(95)) {
      handle = open(draw, kind, owner);
    } else if (draw.chance(50) && !all(kind).isEmpty()) {
      handle = draw.of(all(kind));
    }
    return handle == null
        ? Argument.of(draw.chance(50) ? draw.below(8) : NO_ID)
        : Argument.of(handle);
  }
}
