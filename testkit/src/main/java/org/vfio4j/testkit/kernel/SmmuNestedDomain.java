// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;

/**
 * A first stage of an SMMUv3: what a stream table entry of the guest's says, and the tables of four
 * levels that the context behind it leads to.
 */
final class SmmuNestedDomain extends NestedDomain {
  private static final long PRESENT = 1;
  private static final long TABLE_OR_PAGE = 1 << 1;
  private static final long READ_ONLY = 1 << 7;
  private static final long ADDRESS = 0x0000_ffff_ffff_f000L;
  private static final int LEVELS = 4;
  private static final int LEVEL_BITS = 9;
  private static final int PAGE_BITS = 12;

  /** What is to be done with a stream. */
  enum Config {
    ABORT,
    BYPASS,
    STAGE_1
  }

  private final Config config;
  private final long context;

  /** {@code context}: where the context of the stream is. */
  SmmuNestedDomain(IommuDriver owner, PagingDomain parent, Config config, long context) {
    super(owner, parent);
    this.config = config;
    this.context = context;
  }

  @Override
  Long translate(long address, boolean write, GuestMemory memory) {
    return switch (config) {
      case ABORT -> null;
      case BYPASS -> (Long) address;
      case STAGE_1 -> walk(address, write, memory);
    };
  }

  private Long walk(long address, boolean write, GuestMemory memory) {
    Long next = memory.word(context + Long.BYTES);
    for (int level = LEVELS; level > 0 && next != null; level--) {
      int shift = PAGE_BITS + (level - 1) * LEVEL_BITS;
      long index = address >>> shift & ((1 << LEVEL_BITS) - 1);
      Long entry = memory.word((next & ADDRESS) + index * Long.BYTES);
      if (entry == null || (entry & PRESENT) == 0) {
        return null;
      }
      boolean table = (entry & TABLE_OR_PAGE) != 0;
      if (level == 1 || !table) {
        boolean wrong = (level == 1) != table || (write && (entry & READ_ONLY) != 0);
        long offset = (1L << shift) - 1;
        return wrong ? null : (Long) ((entry & ADDRESS & ~offset) | (address & offset));
      }
      next = entry;
    }
    return null;
  }

  /** It is the virtual IOMMU's that is told. */
  @Override
  void invalidate(UserArray entries) {
    throw KernelError.of(Errno.EOPNOTSUPP);
  }
}
