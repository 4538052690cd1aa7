// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import java.util.Arrays;

/**
 * Ranges that begin at different addresses, ascending by address, which is unsigned.
 *
 * <p>Two levels of sorted arrays, so that adding and removing move few of them, however many there
 * are. Not thread safe. Allocates on the Java heap only when there is more than ever before: leaves
 * that are empty are used again.
 */
final class SortedRanges {
  private static final int LEAF = 128;

  private Leaf[] leaves = new Leaf[4];

  /** The first key of each leaf. */
  private long[] firsts = new long[4];

  private int count;
  private Leaf unused;

  // What find() found.
  private long start;
  private long length;

  /** A run of neighbours. */
  private static final class Leaf {
    /** Starts, with the sign bit flipped: so signed order is the order of addresses. */
    private final long[] keys = new long[LEAF];

    private final long[] lengths = new long[LEAF];
    private int size;
    private Leaf next;
  }

  /** Adds a range, or gives the one that begins there another length. */
  void put(long from, long bytes) {
    long key = key(from);
    if (count == 0) {
      insertLeaf(0);
    }
    int at = Math.max(0, floor(firsts, count, key));
    Leaf leaf = leaves[at];
    int below = floor(leaf.keys, leaf.size, key);
    if (below >= 0 && leaf.keys[below] == key) {
      leaf.lengths[below] = bytes;
      return;
    }
    if (leaf.size == LEAF) {
      split(at);
      if (key > firsts[at + 1]) {
        at++;
      }
      leaf = leaves[at];
      below = floor(leaf.keys, leaf.size, key);
    }
    move(leaf, below + 1, leaf, below + 2, leaf.size - below - 1);
    leaf.keys[below + 1] = key;
    leaf.lengths[below + 1] = bytes;
    leaf.size++;
    firsts[at] = leaf.keys[0];
  }

  /**
   * Finds the lowest range that begins not below {@code from} and not above {@code last}: {@link
   * #start} and {@link #length} tell which, until the next call.
   */
  boolean find(long from, long last) {
    long key = key(from);
    int at = Math.max(0, floor(firsts, count, key));
    if (at == count) {
      return false;
    }
    Leaf leaf = leaves[at];
    int index = floor(leaf.keys, leaf.size, key);
    if (index < 0 || leaf.keys[index] != key) {
      index++;
    }
    if (index == leaf.size) {
      if (at + 1 == count) {
        return false;
      }
      leaf = leaves[at + 1];
      index = 0;
    }
    start = key(leaf.keys[index]);
    length = leaf.lengths[index];
    return leaf.keys[index] <= key(last);
  }

  long start() {
    return start;
  }

  long length() {
    return length;
  }

  /** Removes the range that begins there, which must be one. */
  void remove(long from) {
    long key = key(from);
    int at = floor(firsts, count, key);
    Leaf leaf = leaves[at];
    int index = floor(leaf.keys, leaf.size, key);
    leaf.size--;
    move(leaf, index + 1, leaf, index, leaf.size - index);
    if (leaf.size > 0) {
      firsts[at] = leaf.keys[0];
      return;
    }
    count--;
    System.arraycopy(leaves, at + 1, leaves, at, count - at);
    System.arraycopy(firsts, at + 1, firsts, at, count - at);
    leaves[count] = null;
    leaf.next = unused;
    unused = leaf;
  }

  private void split(int at) {
    insertLeaf(at + 1);
    Leaf lower = leaves[at];
    Leaf upper = leaves[at + 1];
    int half = LEAF / 2;
    move(lower, half, upper, 0, LEAF - half);
    upper.size = LEAF - half;
    lower.size = half;
    firsts[at + 1] = upper.keys[0];
  }

  private void insertLeaf(int at) {
    if (count == leaves.length) {
      leaves = Arrays.copyOf(leaves, 2 * count);
      firsts = Arrays.copyOf(firsts, 2 * count);
    }
    System.arraycopy(leaves, at, leaves, at + 1, count - at);
    System.arraycopy(firsts, at, firsts, at + 1, count - at);
    Leaf leaf = unused;
    if (leaf == null) {
      leaf = new Leaf();
    } else {
      unused = leaf.next;
    }
    leaves[at] = leaf;
    count++;
  }

  private static void move(Leaf from, int at, Leaf to, int target, int number) {
    System.arraycopy(from.keys, at, to.keys, target, number);
    System.arraycopy(from.lengths, at, to.lengths, target, number);
  }

  /** Its own opposite. */
  private static long key(long address) {
    return address ^ Long.MIN_VALUE;
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
