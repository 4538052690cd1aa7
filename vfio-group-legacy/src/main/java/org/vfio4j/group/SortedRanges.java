// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * Ranges that begin at different addresses, ascending by address, which is unsigned and a multiple
 * of 4 KiB, as all that a type1 IOMMU maps.
 *
 * <p>Two levels of sorted arrays of numbers, so that adding and removing move few of them, however
 * many there are. Many ranges do not fit into the processor's caches, and what is touched there is
 * what a call costs: a range takes 8 bytes. Searches do not branch on what they find, since no
 * processor can foresee that.
 *
 * <p>Not thread safe. Allocates on the Java heap only when there is more than ever before: leaves
 * that are empty are used again.
 */
final class SortedRanges {
  private static final int PAGE_SHIFT = 12;

  /** Ranges in a leaf; a power of two. */
  private static final int LEAF = 32;

  /** How many stay in a leaf that is filled from one end: some will come in between later. */
  private static final int WELL_FILLED = LEAF - LEAF / 8;

  // What is in a leaf: its size, and a word of each range. The upper half says where it starts, in
  // pages from the leaf's base, the lower one the length in pages, 0 where that cannot say it.
  private static final int SIZE = 0;
  private static final int RANGES = 1;
  private static final int WORDS = RANGES + LEAF;

  /** No range starts here. */
  private static final int NOWHERE = Integer.MAX_VALUE;

  /** Behind the last range of a leaf, so that a search need not know its size. */
  private static final long NOTHING = range(NOWHERE, 0);

  /** Empty leaves are behind the others. */
  private long[][] leaves = new long[4][];

  /**
   * The base of each leaf, not above its first range and above the last of the leaf before: an
   * address with the sign bit flipped, so that signed order is the order of addresses.
   */
  private long[] bases = new long[4];

  private int count;

  /** Lengths that are none of less than 2^32 pages, by the key of the range. */
  private final Map<Long, Long> otherLengths = new HashMap<>();

  /** Where the last search ended: the next one often ends there, too. */
  private int recent;

  // What find() found, and where.
  private long start;
  private long length;
  private int foundLeaf;
  private int foundAt;

  /** Adds a range, or gives the one that begins there another length. */
  void put(long from, long bytes) {
    long key = key(from);
    int into = leafOf(key);
    if (into < 0) {
      into = count > 0 && rebase(key) ? 0 : newLeaf(0, key);
    }
    int before = floor(into, key) + 1;
    if (before > 0 && startOf(into, before - 1) == key) {
      leaves[into][RANGES + before - 1] = range(start(into, before - 1), lengthOf(key, bytes));
      return;
    }
    if (leaves[into][SIZE] == LEAF) {
      into = makeRoom(into, key);
      before = floor(into, key) + 1;
    }
    if (distance(into, key) >= NOWHERE) {
      into = newLeaf(into + 1, key);
      before = 0;
    }
    long[] words = leaves[into];
    move(words, before, words, before + 1, (int) words[SIZE] - before);
    words[RANGES + before] = range(distance(into, key), lengthOf(key, bytes));
    words[SIZE]++;
  }

  /** As it is in a leaf. */
  private int lengthOf(long key, long bytes) {
    long pages = bytes >>> PAGE_SHIFT;
    if (pages << PAGE_SHIFT == bytes && pages >>> Integer.SIZE == 0 && pages != 0) {
      if (!otherLengths.isEmpty()) {
        otherLengths.remove(key);
      }
      return (int) pages;
    }
    otherLengths.put(key, bytes);
    return 0;
  }

  /**
   * Finds the lowest range that begins not below {@code from} and not above {@code last}: {@link
   * #start} and {@link #length} tell which, and {@link #removeFound} removes it, until the next
   * call.
   */
  boolean find(long from, long last) {
    if (count == 0) {
      return false;
    }
    long key = key(from);
    int leaf = Math.max(0, leafOf(key));
    int at = bases[leaf] > key ? 0 : floor(leaf, key);
    if (at < 0 || startOf(leaf, at) < key) {
      at++;
    }
    if (at == leaves[leaf][SIZE]) {
      leaf++;
      if (leaf == count) {
        return false;
      }
      at = 0;
    }
    long found = startOf(leaf, at);
    start = key(found);
    int pages = (int) leaves[leaf][RANGES + at];
    length = pages == 0 ? otherLengths.get(found) : Integer.toUnsignedLong(pages) << PAGE_SHIFT;
    foundLeaf = leaf;
    foundAt = at;
    return found <= key(last);
  }

  long start() {
    return start;
  }

  long length() {
    return length;
  }

  void removeFound() {
    int leaf = foundLeaf;
    int at = foundAt;
    long[] words = leaves[leaf];
    if ((int) words[RANGES + at] == 0) {
      otherLengths.remove(key(start));
    }
    int size = (int) words[SIZE] - 1;
    words[SIZE] = size;
    move(words, at + 1, words, at, size - at);
    words[RANGES + size] = NOTHING;
    if (size == 0) {
      moveLeaves(leaf + 1, leaf);
      count--;
      leaves[count] = words;
    }
  }

  private static long range(long start, int length) {
    return start << Integer.SIZE | Integer.toUnsignedLong(length);
  }

  private long start(int leaf, int at) {
    return leaves[leaf][RANGES + at] >>> Integer.SIZE;
  }

  private long startOf(int leaf, int at) {
    return bases[leaf] + (start(leaf, at) << PAGE_SHIFT);
  }

  private long distance(int leaf, long key) {
    return (key - bases[leaf]) >>> PAGE_SHIFT;
  }

  /** Begins the first leaf with this key, which is below it; false where that cannot be. */
  private boolean rebase(long key) {
    long[] words = leaves[0];
    int size = (int) words[SIZE];
    long pages = (bases[0] - key) >>> PAGE_SHIFT;
    boolean can = size < LEAF && pages < NOWHERE - start(0, size - 1);
    if (can) {
      for (int i = 0; i < size; i++) {
        words[RANGES + i] += range(pages, 0);
      }
      bases[0] = key;
    }
    return can;
  }

  /** Splits a full leaf; gives that of the two which the key is of. */
  private int makeRoom(int full, long key) {
    boolean appended = key > startOf(full, LEAF - 1);
    split(full, appended ? WELL_FILLED : LEAF / 2);
    return key >= bases[full + 1] ? full + 1 : full;
  }

  /** Gives the ranges from this one on to a new leaf behind. */
  private void split(int lower, int first) {
    int upper = newLeaf(lower + 1, startOf(lower, first));
    long[] from = leaves[lower];
    long[] to = leaves[upper];
    int number = (int) from[SIZE] - first;
    long base = range(start(lower, first), 0);
    to[SIZE] = number;
    move(from, first, to, 0, number);
    for (int i = 0; i < number; i++) {
      to[RANGES + i] -= base;
    }
    from[SIZE] = first;
    Arrays.fill(from, RANGES + first, RANGES + first + number, NOTHING);
  }

  /** An empty one. */
  private int newLeaf(int at, long base) {
    if (count == leaves.length) {
      leaves = Arrays.copyOf(leaves, 2 * count);
      bases = Arrays.copyOf(bases, 2 * count);
    }
    long[] words = leaves[count];
    if (words == null) {
      words = new long[WORDS];
      Arrays.fill(words, RANGES, WORDS, NOTHING);
    }
    moveLeaves(at, at + 1);
    leaves[at] = words;
    bases[at] = base;
    count++;
    return at;
  }

  private void moveLeaves(int from, int to) {
    System.arraycopy(leaves, from, leaves, to, count - from);
    System.arraycopy(bases, from, bases, to, count - from);
  }

  private static void move(long[] from, int at, long[] to, int target, int number) {
    System.arraycopy(from, RANGES + at, to, RANGES + target, number);
  }

  /** Its own opposite. */
  private static long key(long address) {
    return address ^ Long.MIN_VALUE;
  }

  /** The leaf whose range of keys this one is in; -1 before the first. */
  private int leafOf(long key) {
    boolean again =
        recent < count && bases[recent] <= key && (recent + 1 == count || key < bases[recent + 1]);
    if (again) {
      return recent;
    }
    if (count == 0 || key < bases[0]) {
      return -1;
    }
    int low = 0;
    for (int left = count; left > 1; ) {
      int half = left >>> 1;
      low = bases[low + half] <= key ? low + half : low;
      left -= half;
    }
    recent = low;
    return low;
  }

  /** The last range of a leaf that does not begin above the key, or -1. */
  private int floor(int leaf, long key) {
    long[] words = leaves[leaf];
    // Above what starts there, however long.
    long above = range(Math.min(distance(leaf, key), NOWHERE - 1) + 1, 0);
    int low = RANGES;
    for (int half = LEAF / 2; half > 0; half >>>= 1) {
      // All ones where that one is below.
      low += half & (int) ((words[low + half] - above) >> (Long.SIZE - 1));
    }
    return words[low] < above ? low - RANGES : -1;
  }
}
