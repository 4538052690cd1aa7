// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.List;
import org.vfio4j.testkit.kernel.UserMemory.Pin;

/**
 * What is mapped in an I/O address space, ordered by IOVA, which is unsigned.
 *
 * <p>Finding, adding and removing touch a few cache lines, however much is mapped: see {@link
 * IovaIndex}.
 */
final class IovaSpace implements Translation {
  private final IovaIndex index = new IovaIndex();

  /** A range of IOVAs and what it leads to. */
  static final class Mapping {
    private final long start;
    private final long last;
    private final boolean writable;
    private final Pages pages;
    private final long pagesOffset;
    private Pin pin;
    private boolean readable = true;

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

    boolean isReadable() {
      return readable;
    }

    Mapping readable(boolean may) {
      readable = may;
      return this;
    }

    /** Mapped for neither reading nor writing, which no page table can do. */
    boolean isWithoutAccess() {
      return !readable && !writable;
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

    /** Whether it leads to memory of a device that is not there any more. */
    boolean isRevoked() {
      return pages != null && pages.isRevoked();
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
    return index.isEmpty();
  }

  /** Ascending; a copy. */
  List<Mapping> all() {
    List<Mapping> all = new ArrayList<>();
    for (boolean more = index.seekFirst(); more; more = index.next()) {
      all.add(index.mapping());
    }
    return all;
  }

  /** Adds a mapping that overlaps none. */
  void add(Mapping mapping) {
    index.add(mapping);
  }

  void remove(Mapping mapping) {
    index.remove(mapping);
  }

  /** The mapping with this IOVA; null where there is none. */
  @Override
  public Mapping find(long iova) {
    boolean there = index.seekFloor(iova) && Long.compareUnsigned(iova, index.last()) <= 0;
    return there ? index.mapping() : null;
  }

  /** The lowest mapping with an IOVA from {@code start} to {@code last}; null where none has. */
  Mapping first(long start, long last) {
    if (index.seekFloor(start)) {
      if (Long.compareUnsigned(start, index.last()) <= 0) {
        return index.mapping();
      }
      if (!index.next()) {
        return null;
      }
    } else if (!index.seekFirst()) {
      return null;
    }
    return Long.compareUnsigned(index.start(), last) <= 0 ? index.mapping() : null;
  }

  /**
   * The lowest IOVA not below {@code start} with {@code length} free bytes from it on; -1 when
   * there is none below the last byte of the space.
   */
  long hole(long start, long length) {
    return index.hole(start, length);
  }
}
