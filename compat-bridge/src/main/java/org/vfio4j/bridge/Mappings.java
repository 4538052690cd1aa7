// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import java.util.Arrays;

/**
 * What is mapped in a container, by IOVA: a binary tree in arrays, so that a mapping costs 24 bytes
 * and changes allocate nothing once the arrays have grown.
 *
 * <p>A treap: ordered by IOVA, and a heap by a number that is drawn from the IOVA, which keeps it
 * flat whatever the order of the calls. A node is known by its index; 0 is none. Not thread safe.
 */
final class Mappings {
  static final int NONE = 0;

  private static final int FIRST_CAPACITY = 16;
  private static final long MIX = 0x9e37_79b9_7f4a_7c15L;
  private static final int PAGE_SHIFT = 12;

  private long[] iovas = new long[FIRST_CAPACITY];
  private long[] sizes = new long[FIRST_CAPACITY];

  /** Also the list of nodes that are free, from {@link #free} on. */
  private int[] left = new int[FIRST_CAPACITY];

  private int[] right = new int[FIRST_CAPACITY];
  private int used = 1;
  private int free = NONE;
  private int root = NONE;
  private int count;

  int count() {
    return count;
  }

  /** The heap of this object, in bytes, but for headers. */
  long footprint() {
    return (long) iovas.length * (2 * Long.BYTES + 2 * Integer.BYTES);
  }

  long iova(int node) {
    return iovas[node];
  }

  /** In bytes. */
  long size(int node) {
    return sizes[node];
  }

  /** Inclusive. */
  long last(int node) {
    return iovas[node] + sizes[node] - 1;
  }

  /** The mapping that begins exactly there. */
  int at(long iova) {
    int node = root;
    while (node != NONE && iovas[node] != iova) {
      node = Long.compareUnsigned(iova, iovas[node]) < 0 ? left[node] : right[node];
    }
    return node;
  }

  /** The lowest mapping with an address that is not below {@code iova}. */
  int from(long iova) {
    int found = NONE;
    int node = root;
    while (node != NONE) {
      if (Long.compareUnsigned(last(node), iova) >= 0) {
        found = node;
        node = left[node];
      } else {
        node = right[node];
      }
    }
    return found;
  }

  /** The lowest mapping with an address in the range, of which the end is inclusive. */
  int first(long iova, long last) {
    int node = from(iova);
    return node != NONE && Long.compareUnsigned(iovas[node], last) <= 0 ? node : NONE;
  }

  /** The mapping after this one. */
  int next(int node) {
    long last = last(node);
    return last == -1 ? NONE : from(last + 1);
  }

  /** Whether an address of the range is mapped. */
  boolean overlaps(long iova, long last) {
    return first(iova, last) != NONE;
  }

  /** Adds a mapping, which must not overlap another. */
  void add(long iova, long size) {
    int node = allocate();
    iovas[node] = iova;
    sizes[node] = size;
    long rank = rank(iova);
    int parent = NONE;
    boolean low = false;
    int below = root;
    while (below != NONE && Long.compareUnsigned(rank(iovas[below]), rank) >= 0) {
      parent = below;
      low = Long.compareUnsigned(iova, iovas[below]) < 0;
      below = low ? left[below] : right[below];
    }
    split(node, below, iova);
    link(parent, low, node);
    count++;
  }

  /** Removes the mapping that begins there, which must exist. */
  void remove(long iova) {
    int parent = NONE;
    boolean low = false;
    int node = root;
    while (iovas[node] != iova) {
      parent = node;
      low = Long.compareUnsigned(iova, iovas[node]) < 0;
      node = low ? left[node] : right[node];
    }
    removeNode(parent, low, node);
  }

  void clear() {
    root = NONE;
    free = NONE;
    used = 1;
    count = 0;
  }

  private void removeNode(int parent, boolean low, int node) {
    merge(parent, low, left[node], right[node]);
    left[node] = free;
    free = node;
    count--;
  }

  /** What is below {@code iova} goes to the left of {@code node}, the rest to its right. */
  private void split(int node, int subtree, long iova) {
    int lower = node;
    boolean lowerLeft = true;
    int higher = node;
    boolean higherRight = true;
    int rest = subtree;
    left[node] = NONE;
    right[node] = NONE;
    while (rest != NONE) {
      if (Long.compareUnsigned(iovas[rest], iova) < 0) {
        link(lower, lowerLeft, rest);
        lower = rest;
        lowerLeft = false;
        rest = right[rest];
        right[lower] = NONE;
      } else {
        link(higher, !higherRight, rest);
        higher = rest;
        higherRight = false;
        rest = left[rest];
        left[higher] = NONE;
      }
    }
  }

  private void merge(int parent, boolean low, int lower, int higher) {
    int at = parent;
    boolean side = low;
    int a = lower;
    int b = higher;
    while (a != NONE && b != NONE) {
      if (Long.compareUnsigned(rank(iovas[a]), rank(iovas[b])) >= 0) {
        link(at, side, a);
        at = a;
        side = false;
        a = right[a];
      } else {
        link(at, side, b);
        at = b;
        side = true;
        b = left[b];
      }
    }
    link(at, side, a == NONE ? b : a);
  }

  private void link(int parent, boolean low, int node) {
    if (parent == NONE) {
      root = node;
    } else if (low) {
      left[parent] = node;
    } else {
      right[parent] = node;
    }
  }

  private int allocate() {
    if (free != NONE) {
      int node = free;
      free = left[node];
      return node;
    }
    if (used == iovas.length) {
      int capacity = used + (used >> 1);
      iovas = Arrays.copyOf(iovas, capacity);
      sizes = Arrays.copyOf(sizes, capacity);
      left = Arrays.copyOf(left, capacity);
      right = Arrays.copyOf(right, capacity);
    }
    return used++;
  }

  /** Different for each page, and without order. */
  private static long rank(long iova) {
    long mixed = (iova >>> PAGE_SHIFT) * MIX;
    return (mixed ^ (mixed >>> 32)) * MIX;
  }
}
