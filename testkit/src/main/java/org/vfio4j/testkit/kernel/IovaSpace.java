// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.Map;
import java.util.TreeMap;
import org.vfio4j.testkit.kernel.UserMemory.Pin;

/**
 * What is mapped in an I/O address space, ordered by IOVA, which is unsigned: found, added and
 * removed in O(log n).
 */
final class IovaSpace {
  private final TreeMap<Long, Mapping> mappings = new TreeMap<>(Long::compareUnsigned);

  /** A range of IOVAs and what it leads to. */
  static final class Mapping {
    private final long start;
    private final long last;
    private final boolean writable;
    private final Pages pages;
    private final long pagesOffset;
    private Pin pin;

    /**
     * @param pagesOffset where in {@code pages} it begins, in bytes
     */
    Mapping(long start, long length, boolean writable, Pages pages, long pagesOffset) {
      this.start = start;
      this.last = start + length - 1;
      this.writable = writable;
      this.pages = pages;
      this.pagesOffset = pagesOffset;
    }

    long start() {
      return start;
    }

    /** Inclusive. */
    long last() {
      return last;
    }

    long length() {
      return last - start + 1;
    }

    boolean isWritable() {
      return writable;
    }

    Pages pages() {
      return pages;
    }

    long pagesOffset() {
      return pagesOffset;
    }

    long pagesOffset(long iova) {
      return pagesOffset + (iova - start);
    }

    boolean isPinned() {
      return pin != null;
    }

    void pinned(Pin taken) {
      pin = taken;
    }

    Pin pin() {
      return pin;
    }

    long lengthFrom(long iova) {
      return last - iova + 1;
    }

    void read(long iova, byte[] target, int at, int count) {
      pin.read(iova - start, target, at, count);
    }

    void write(long iova, byte[] source, int at, int count) {
      pin.write(iova - start, source, at, count);
    }
  }

  boolean isEmpty() {
    return mappings.isEmpty();
  }

  Iterable<Mapping> all() {
    return mappings.values();
  }

  void add(Mapping mapping) {
    mappings.put(mapping.start(), mapping);
  }

  void remove(Mapping mapping) {
    mappings.remove(mapping.start());
  }

  /** The mapping with this IOVA; null where there is none. */
  Mapping find(long iova) {
    Map.Entry<Long, Mapping> entry = mappings.floorEntry(iova);
    return entry != null && Long.compareUnsigned(iova, entry.getValue().last()) <= 0
        ? entry.getValue()
        : null;
  }

  /** The lowest mapping with an IOVA from {@code start} to {@code last}; null where none has. */
  Mapping first(long start, long last) {
    Mapping at = find(start);
    if (at != null) {
      return at;
    }
    Map.Entry<Long, Mapping> next = mappings.ceilingEntry(start);
    return next != null && Long.compareUnsigned(next.getKey(), last) <= 0 ? next.getValue() : null;
  }
}
