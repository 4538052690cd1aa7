// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.vfio4j.testkit.kernel.UserMemory.Pin;

/**
 * What is mapped in an I/O address space, ordered by IOVA, which is unsigned.
 *
 * <p>Two levels of sorted arrays: finding, adding and removing touch a few cache lines, however
 * much is mapped, and make no objects.
 */
final class IovaSpace implements Translation {
  /** Mappings in a leaf: few enough to be moved in no time. */
  private static final int LEAF = 64;

  /** The key of the last byte of the space, which nothing begins at that matters here. */
  private static final long END = Long.MAX_VALUE;

  private Leaf[] leaves = new Leaf[4];

  /** The first key of each leaf. */
  private long[] firsts = new long[4];

  private int count;

  /** Where the last search ended: the next one often ends there, too. */
  private int recent;

  /** A run of neighbours, never empty. */
  private static final class Leaf {
    /** Starts, with the sign bit flipped: so signed order is the order of IOVAs. */
    private final long[] keys = new long[LEAF];

    private final long[] lasts = new long[LEAF];
    private final Mapping[] mappings = new Mapping[LEAF];
    private int size;

    /** The longest hole behind one of these mappings, in bytes, unsigned. */
    private long longestHole;

    private boolean measured;

    void insert(int at, Mapping mapping) {
      System.arraycopy(keys, at, keys, at + 1, size - at);
      System.arraycopy(lasts, at, lasts, at + 1, size - at);
      System.arraycopy(mappings, at, mappings, at + 1, size - at);
      keys[at] = key(mapping.start);
      lasts[at] = mapping.last;
      mappings[at] = mapping;
      size++;
    }

    void remove(int at) {
      size--;
      System.arraycopy(keys, at + 1, keys, at, size - at);
      System.arraycopy(lasts, at + 1, lasts, at, size - at);
      System.arraycopy(mappings, at + 1, mappings, at, size - at);
      mappings[size] = null;
    }

    /** Gives the upper half away. */
    Leaf split() {
      Leaf upper = new Leaf();
      int half = size / 2;
      upper.size = size - half;
      System.arraycopy(keys, half, upper.keys, 0, upper.size);
      System.arraycopy(lasts, half, upper.lasts, 0, upper.size);
      System.arraycopy(mappings, half, upper.mappings, 0, upper.size);
      Arrays.fill(mappings, half, size, null);
      size = half;
      return upper;
    }
  }

  /** A range of IOVAs and what it leads to. */
  static final class Mapping {
    private final long start;
    private final long last;
    private final boolean writable;
    private final Pages pages;
    private final long pagesOffset;
    private Pin pin;
    private boolean isWithoutAccess;

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

    /** Mapped for neither reading nor writing, which no page table can do. */
    boolean isWithoutAccess() {
      return isWithoutAccess;
    }

    Mapping withoutAccess(boolean without) {
      isWithoutAccess = without;
      return this;
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
    return count == 0;
  }

  /** Ascending; a copy. */
  List<Mapping> all() {
    List<Mapping> all = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      all.addAll(Arrays.asList(leaves[i].mappings).subList(0, leaves[i].size));
    }
    return all;
  }

  /** Adds a mapping that overlaps none. */
  void add(Mapping mapping) {
    long key = key(mapping.start);
    if (count == 0) {
      insertLeaf(0, new Leaf());
    }
    int leaf = Math.max(0, leafOf(key));
    if (leaves[leaf].size == LEAF) {
      Leaf upper = leaves[leaf].split();
      insertLeaf(leaf + 1, upper);
      firsts[leaf + 1] = upper.keys[0];
      if (key > firsts[leaf + 1]) {
        changed(leaf);
        leaf++;
      }
    }
    Leaf into = leaves[leaf];
    into.insert(floor(into.keys, into.size, key) + 1, mapping);
    firsts[leaf] = into.keys[0];
    changed(leaf);
  }

  void remove(Mapping mapping) {
    long key = key(mapping.start);
    int leaf = leafOf(key);
    Leaf from = leaves[leaf];
    from.remove(floor(from.keys, from.size, key));
    changed(leaf);
    if (from.size > 0) {
      firsts[leaf] = from.keys[0];
      return;
    }
    count--;
    System.arraycopy(leaves, leaf + 1, leaves, leaf, count - leaf);
    System.arraycopy(firsts, leaf + 1, firsts, leaf, count - leaf);
    leaves[count] = null;
  }

  private void insertLeaf(int at, Leaf leaf) {
    if (count == leaves.length) {
      leaves = Arrays.copyOf(leaves, 2 * count);
      firsts = Arrays.copyOf(firsts, 2 * count);
    }
    System.arraycopy(leaves, at, leaves, at + 1, count - at);
    System.arraycopy(firsts, at, firsts, at + 1, count - at);
    leaves[at] = leaf;
    count++;
  }

  /** The holes behind its mappings, and the one before its first, are others now. */
  private void changed(int leaf) {
    leaves[leaf].measured = false;
    if (leaf > 0) {
      leaves[leaf - 1].measured = false;
    }
  }

  /** The mapping with this IOVA; null where there is none. */
  @Override
  public Mapping find(long iova) {
    long key = key(iova);
    int leaf = leafOf(key);
    if (leaf < 0) {
      return null;
    }
    Leaf in = leaves[leaf];
    int below = floor(in.keys, in.size, key);
    return Long.compareUnsigned(iova, in.lasts[below]) <= 0 ? in.mappings[below] : null;
  }

  /** The lowest mapping with an IOVA from {@code start} to {@code last}; null where none has. */
  Mapping first(long start, long last) {
    long key = key(start);
    int leaf = Math.max(0, leafOf(key));
    if (leaf == count) {
      return null;
    }
    Leaf in = leaves[leaf];
    int below = floor(in.keys, in.size, key);
    if (below >= 0 && Long.compareUnsigned(start, in.lasts[below]) <= 0) {
      return in.mappings[below];
    }
    if (below + 1 == in.size) {
      if (leaf + 1 == count) {
        return null;
      }
      in = leaves[leaf + 1];
      below = -1;
    }
    long next = in.keys[below + 1];
    return next <= key(last) ? in.mappings[below + 1] : null;
  }

  /** The key of the mapping behind mapping {@code at} of a leaf. */
  private long next(int leaf, int at) {
    if (at + 1 < leaves[leaf].size) {
      return leaves[leaf].keys[at + 1];
    }
    return leaf + 1 < count ? firsts[leaf + 1] : END;
  }

  /**
   * The lowest IOVA not below {@code start} with {@code length} free bytes from it on; -1 when
   * there is none below the last byte of the space.
   */
  long hole(long start, long length) {
    if (count == 0) {
      return start;
    }
    int leaf = leafOf(key(start));
    int at = 0;
    if (leaf >= 0) {
      at = floor(leaves[leaf].keys, leaves[leaf].size, key(start));
    } else if (Long.compareUnsigned(freeFrom(start, firsts[0]), length) >= 0) {
      return start;
    } else {
      leaf = 0;
    }
    for (; leaf < count; leaf++) {
      if (at == 0 && Long.compareUnsigned(longestHole(leaf), length) < 0) {
        continue;
      }
      for (; at < leaves[leaf].size; at++) {
        long last = leaves[leaf].lasts[at];
        if (last == -1) {
          return -1;
        }
        long free = max(start, last + 1);
        if (Long.compareUnsigned(freeFrom(free, next(leaf, at)), length) >= 0) {
          return free;
        }
      }
      at = 0;
    }
    return -1;
  }

  private long longestHole(int leaf) {
    Leaf in = leaves[leaf];
    if (!in.measured) {
      in.longestHole = 0;
      for (int i = 0; i < in.size; i++) {
        long last = in.lasts[i];
        if (last != -1) {
          in.longestHole = max(in.longestHole, freeFrom(last + 1, next(leaf, i)));
        }
      }
      in.measured = true;
    }
    return in.longestHole;
  }

  /** In bytes, from {@code at} to the next mapping or to the last byte of the space. */
  private static long freeFrom(long at, long next) {
    return key(next) - at;
  }

  private static long max(long one, long other) {
    return Long.compareUnsigned(one, other) >= 0 ? one : other;
  }

  /** The leaf whose range of keys this one is in; -1 before the first. */
  private int leafOf(long key) {
    boolean again =
        recent < count
            && firsts[recent] <= key
            && (recent + 1 == count || key < firsts[recent + 1]);
    if (again) {
      return recent;
    }
    int leaf = floor(firsts, count, key);
    recent = Math.max(0, leaf);
    return leaf;
  }

  private static long key(long iova) {
    return iova ^ Long.MIN_VALUE;
  }

  /** The index of the last of {@code size} ascending keys that is not above this one, or -1. */
  private static int floor(long[] keys, int size, long key) {
    int low = 0;
    int high = size - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      if (keys[middle] <= key) {
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return high;
  }
}
