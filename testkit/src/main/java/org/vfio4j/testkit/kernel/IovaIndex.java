// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.Arrays;
import org.vfio4j.testkit.kernel.IovaSpace.Mapping;

/**
 * Mappings by IOVA, with a place in their order that moves.
 *
 * <p>Two levels of sorted arrays of numbers. Much that is mapped does not fit into the processor's
 * caches, and what a search and an insertion touch there is what they cost; so a leaf is one small
 * array, in which a mapping takes 12 bytes, and the objects themselves are not looked at. Searches
 * do not branch on what they find, since no processor can foresee that.
 */
final class IovaIndex {
  /** Mappings in a leaf; a power of two. */
  private static final int LEAF = 32;

  /** How many stay in a leaf that is filled from one end: some will come in between later. */
  private static final int WELL_FILLED = LEAF - LEAF / 8;

  // What is in a leaf: its size, the logarithm of its unit, and of each mapping where it starts, in
  // units from the leaf's base; its length in units, 0 where that cannot say it; its slot.
  private static final int SIZE = 0;
  private static final int SHIFT = 1;
  private static final int STARTS = 2;
  private static final int LENGTHS = STARTS + LEAF;
  private static final int SLOTS = LENGTHS + LEAF;
  private static final int WORDS = SLOTS + LEAF;

  /** A leaf of pages; the others are of bytes. */
  private static final int PAGE_SHIFT = 12;

  /** Behind the last mapping of a leaf, so that a search need not know its size. */
  private static final int NOTHING = Integer.MAX_VALUE;

  /** The key of the last byte of the space, which nothing begins at that matters here. */
  private static final long END = Long.MAX_VALUE;

  private static final long UNKNOWN = -1;

  private int[][] leaves = new int[4][];

  /**
   * The base of each leaf, not above its first mapping and above the last of the leaf before: an
   * IOVA with the sign bit flipped, so that signed order is the order of IOVAs.
   */
  private long[] bases = new long[4];

  /** The longest hole behind one of a leaf's mappings, in bytes, unsigned. */
  private long[] longestHoles = new long[4];

  private int count;

  private Mapping[] slots = new Mapping[LEAF];
  private int[] freeSlots = new int[LEAF];
  private int free;
  private int taken;

  /** Where the last search ended: the next one often ends there, too. */
  private int recent;

  // The place.
  private int leaf;
  private int at;

  boolean isEmpty() {
    return count == 0;
  }

  /** To the lowest mapping; false where there is none. */
  boolean seekFirst() {
    leaf = 0;
    at = 0;
    return count > 0;
  }

  /** To the mapping that starts highest of those that do not start above; false where none does. */
  boolean seekFloor(long iova) {
    long key = key(iova);
    leaf = leafOf(key);
    if (leaf < 0) {
      return false;
    }
    at = floor(leaf, key);
    if (at < 0) {
      leaf--;
      if (leaf < 0) {
        return false;
      }
      at = leaves[leaf][SIZE] - 1;
    }
    return true;
  }

  /** To the next mapping; false, and where it was, when there is none. */
  boolean next() {
    if (at + 1 < leaves[leaf][SIZE]) {
      at++;
      return true;
    }
    if (leaf + 1 == count) {
      return false;
    }
    leaf++;
    at = 0;
    return true;
  }

  /** The mapping here. */
  Mapping mapping() {
    return slots[leaves[leaf][SLOTS + at]];
  }

  /** Its first IOVA. */
  long start() {
    return key(startOf(leaf, at));
  }

  /** Its last IOVA. */
  long last() {
    int[] words = leaves[leaf];
    int length = words[LENGTHS + at];
    return length == 0
        ? mapping().last()
        : start() + (Integer.toUnsignedLong(length) << words[SHIFT]) - 1;
  }

  private long startOf(int where, int which) {
    int[] words = leaves[where];
    return bases[where] + ((long) words[STARTS + which] << words[SHIFT]);
  }

  /** Adds a mapping that overlaps none. The place is lost. */
  void add(Mapping mapping) {
    long key = key(mapping.start());
    int into = leafOf(key);
    if (into < 0) {
      into = count > 0 && rebase(key) ? 0 : newLeaf(0, key);
    }
    if (leaves[into][SIZE] == LEAF) {
      into = makeRoom(into, key);
    }
    int start = startIn(into, key);
    int before = floor(into, key) + 1;
    if (start < 0) {
      into = leafOfItsOwn(into, before, key);
      start = 0;
      before = 0;
    }
    int[] words = leaves[into];
    int behind = words[SIZE] - before;
    move(words, before, words, before + 1, behind);
    words[STARTS + before] = start;
    words[LENGTHS + before] = lengthIn(words[SHIFT], mapping.length());
    words[SLOTS + before] = takeSlot(mapping);
    words[SIZE]++;
    changed(into);
  }

  /** For a key that would come before this mapping of a leaf, and cannot be said there. */
  private int leafOfItsOwn(int into, int before, long key) {
    if (before < leaves[into][SIZE]) {
      split(into, before);
    }
    if (before > 0) {
      return newLeaf(into + 1, key);
    }
    // All that was there is in the leaf behind.
    bases[into] = key;
    leaves[into][SHIFT] = PAGE_SHIFT;
    return into;
  }

  /** Where the key is in a leaf, in its units; -1 where they cannot say it. */
  private int startIn(int into, long key) {
    int[] words = leaves[into];
    long distance = key - bases[into];
    boolean whole = (distance & (UserMemory.PAGE - 1)) == 0;
    if (words[SHIFT] != 0 && !whole && !toBytes(words)) {
      return -1;
    }
    long start = distance >>> words[SHIFT];
    return start >= 0 && start < NOTHING ? (int) start : -1;
  }

  /** Makes bytes the units of a leaf, where it is not too long for that. */
  private static boolean toBytes(int[] words) {
    int size = words[SIZE];
    if (size > 0 && words[STARTS + size - 1] >= NOTHING >>> PAGE_SHIFT) {
      return false;
    }
    for (int i = 0; i < size; i++) {
      words[STARTS + i] <<= PAGE_SHIFT;
      words[LENGTHS + i] = lengthIn(0, Integer.toUnsignedLong(words[LENGTHS + i]) << PAGE_SHIFT);
    }
    words[SHIFT] = 0;
    return true;
  }

  private static int lengthIn(int shift, long length) {
    long units = length >>> shift;
    boolean fits = units << shift == length && units >>> Integer.SIZE == 0;
    return fits ? (int) units : 0;
  }

  /** Begins the first leaf with this key, which is below it; false where that cannot be. */
  private boolean rebase(long key) {
    int[] words = leaves[0];
    int size = words[SIZE];
    long more = bases[0] - key;
    long units = more >>> words[SHIFT];
    boolean can =
        size < LEAF
            && units << words[SHIFT] == more
            && units >= 0
            && units < NOTHING - words[STARTS + size - 1];
    if (can) {
      for (int i = 0; i < size; i++) {
        words[STARTS + i] += (int) units;
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

  /** Gives the mappings from this one on to a new leaf behind. */
  private void split(int lower, int first) {
    int upper = newLeaf(lower + 1, startOf(lower, first));
    int[] from = leaves[lower];
    int[] to = leaves[upper];
    int number = from[SIZE] - first;
    int base = from[STARTS + first];
    to[SHIFT] = from[SHIFT];
    to[SIZE] = number;
    move(from, first, to, 0, number);
    for (int i = 0; i < number; i++) {
      to[STARTS + i] -= base;
    }
    from[SIZE] = first;
    Arrays.fill(from, STARTS + first, STARTS + first + number, NOTHING);
    changed(upper);
  }

  private static void move(int[] from, int first, int[] to, int target, int number) {
    for (int column = STARTS; column < WORDS; column += LEAF) {
      System.arraycopy(from, column + first, to, column + target, number);
    }
  }

  /** An empty one. */
  private int newLeaf(int where, long base) {
    if (count == leaves.length) {
      leaves = Arrays.copyOf(leaves, 2 * count);
      bases = Arrays.copyOf(bases, 2 * count);
      longestHoles = Arrays.copyOf(longestHoles, 2 * count);
    }
    moveLeaves(where, where + 1);
    int[] words = new int[WORDS];
    words[SHIFT] = PAGE_SHIFT;
    Arrays.fill(words, STARTS, STARTS + LEAF, NOTHING);
    leaves[where] = words;
    bases[where] = base;
    longestHoles[where] = UNKNOWN;
    count++;
    return where;
  }

  private void moveLeaves(int from, int to) {
    System.arraycopy(leaves, from, leaves, to, count - from);
    System.arraycopy(bases, from, bases, to, count - from);
    System.arraycopy(longestHoles, from, longestHoles, to, count - from);
  }

  /** The place is lost. */
  void remove(Mapping mapping) {
    long key = key(mapping.start());
    int from = leafOf(key);
    int index = floor(from, key);
    int[] words = leaves[from];
    giveSlot(words[SLOTS + index]);
    changed(from);
    int size = words[SIZE] - 1;
    words[SIZE] = size;
    move(words, index + 1, words, index, size - index);
    words[STARTS + size] = NOTHING;
    if (size == 0) {
      moveLeaves(from + 1, from);
      count--;
      leaves[count] = null;
    }
  }

  private int takeSlot(Mapping mapping) {
    int slot;
    if (free > 0) {
      free--;
      slot = freeSlots[free];
    } else {
      slot = taken;
      taken++;
      if (slot == slots.length) {
        slots = Arrays.copyOf(slots, 2 * slot);
      }
    }
    slots[slot] = mapping;
    return slot;
  }

  private void giveSlot(int slot) {
    slots[slot] = null;
    if (free == freeSlots.length) {
      freeSlots = Arrays.copyOf(freeSlots, 2 * free);
    }
    freeSlots[free] = slot;
    free++;
  }

  /** The holes behind its mappings, and the one before its first, are others now. */
  private void changed(int where) {
    longestHoles[where] = UNKNOWN;
    if (where > 0) {
      longestHoles[where - 1] = UNKNOWN;
    }
  }

  /** See {@link IovaSpace#hole}. The place is lost. */
  long hole(long start, long length) {
    if (count == 0) {
      return start;
    }
    if (!seekFloor(start)) {
      if (Long.compareUnsigned(freeFrom(start, startOf(0, 0)), length) >= 0) {
        return start;
      }
      seekFirst();
    }
    while (true) {
      if (at == 0) {
        while (Long.compareUnsigned(longestHole(leaf), length) < 0) {
          leaf++;
          if (leaf == count) {
            return -1;
          }
        }
      }
      long last = last();
      if (last == -1) {
        return -1;
      }
      long from = max(start, last + 1);
      boolean more = next();
      long end = more ? startOf(leaf, at) : END;
      if (Long.compareUnsigned(freeFrom(from, end), length) >= 0) {
        return from;
      }
      if (!more) {
        return -1;
      }
    }
  }

  private long longestHole(int where) {
    if (longestHoles[where] == UNKNOWN) {
      long longest = 0;
      leaf = where;
      at = 0;
      for (int i = leaves[where][SIZE]; i > 0; i--) {
        long last = last();
        if (last != -1) {
          long end = next() ? startOf(leaf, at) : END;
          longest = max(longest, freeFrom(last + 1, end));
        }
      }
      longestHoles[where] = longest;
      leaf = where;
      at = 0;
    }
    return longestHoles[where];
  }

  /** In bytes, from {@code from} to the next mapping or to the last byte of the space. */
  private static long freeFrom(long from, long next) {
    return key(next) - from;
  }

  private static long max(long one, long other) {
    return Long.compareUnsigned(one, other) >= 0 ? one : other;
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

  private static long key(long iova) {
    return iova ^ Long.MIN_VALUE;
  }

  /** The last mapping of a leaf that does not start above the key, or -1. */
  private int floor(int where, long key) {
    int[] words = leaves[where];
    long distance = (key - bases[where]) >>> words[SHIFT];
    int wanted = distance >= 0 && distance < NOTHING ? (int) distance : NOTHING - 1;
    int low = STARTS;
    for (int half = LEAF / 2; half > 0; half >>>= 1) {
      // All ones where that one is not above.
      low += half & ((words[low + half] - wanted - 1) >> (Integer.SIZE - 1));
    }
    return words[low] <= wanted ? low - STARTS : -1;
  }
}
