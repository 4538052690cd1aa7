// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

/** Chooses IOVAs, lengths and memory: mostly such that something comes of it. */
public final class Iovas {
  static final long PAGE = 4096;

  /** Where most of what a sequence maps is, unless its domain says otherwise. */
  static final long BASE = 0x10_0000;

  private static final int PLACES = 48;
  private static final int MEMORY_PAGES = 512;
  private static final int READ_ONLY_PAGES = 16;

  /** Reserved windows, the end of the IOMMU's reach, and the ends of what a number can say. */
  private static final long[] EDGES = {
    0,
    1,
    PAGE - 1,
    PAGE,
    0xfee0_0000L - PAGE,
    0xfee0_0000L,
    0xfeef_f000L,
    0xfef0_0000L,
    (1L << 39) - PAGE,
    1L << 39,
    (1L << 48) - PAGE,
    Long.MAX_VALUE,
    Long.MIN_VALUE,
    -2 * PAGE,
    -PAGE,
    -2,
    -1
  };

  private static final long[] LENGTHS = {
    0, 1, 0x800, PAGE - 1, PAGE + 1, 1 << 20, 1L << 21, 1L << 39, Long.MAX_VALUE, -PAGE, -2, -1
  };

  /** No memory of any process: below the lowest address, in the kernel's half, at the end. */
  private static final long[] NOWHERE = {
    0, 0x1000, 0x7fff_ffff_f000L, 0xffff_8880_0000_0000L, -PAGE, -1
  };

  private Iovas() {}

  /** A place in an address space, near what was mapped there or anywhere. */
  public static Argument any(Draw draw, Handle space) {
    int way = draw.below(100);
    if (way < 50 && space != null && !space.ranges().isEmpty()) {
      return near(draw, draw.of(space.ranges()));
    }
    return Argument.of(way < 92 ? place(draw) : draw.of(EDGES));
  }

  private static Argument near(Draw draw, Handle.Range range) {
    if (draw.chance(60)) {
      return range.iova();
    }
    long delta = draw.of(PAGE, -PAGE, range.length(), range.length() - PAGE, 2 * PAGE, 1, 0x800);
    return range.iova().plus(delta);
  }

  private static long place(Draw draw) {
    long place = draw.base() + draw.below(PLACES) * PAGE;
    return draw.mostly(place, place + 1, place + 0x10, place + 0x800);
  }

  /** A length for a new mapping. */
  public static long length(Draw draw) {
    return draw.chance(95) ? (1 + draw.below(draw.of(1, 4, 16))) * PAGE : draw.of(LENGTHS);
  }

  /** A range of an address space: mostly one that was mapped, or some of them. */
  public static Handle.Range range(Draw draw, Handle space) {
    if (space != null && !space.ranges().isEmpty() && draw.chance(55)) {
      return draw.of(space.ranges());
    }
    return new Handle.Range(any(draw, space), length(draw), null);
  }

  /** User memory of this length; of more than there is, none: it would be somebody else's. */
  public static Argument memory(Draw draw, World world, long length) {
    int way = draw.below(100);
    long pages = length > 0 && length <= MEMORY_PAGES * PAGE ? (length + PAGE - 1) / PAGE : 1;
    if (length > MEMORY_PAGES * PAGE || way < 4) {
      return Argument.of(draw.of(NOWHERE));
    }
    if (way < 10 && pages < READ_ONLY_PAGES) {
      return Argument.of(world.readOnly()).plus(page(draw, READ_ONLY_PAGES, pages));
    }
    Argument start = Argument.of(world.memory()).plus(page(draw, MEMORY_PAGES, pages));
    return start.plus(draw.mostly(0, 1, 0x10, 0x800));
  }

  private static long page(Draw draw, int pages, long used) {
    return draw.below((int) (pages - used + 1)) * PAGE;
  }
}
