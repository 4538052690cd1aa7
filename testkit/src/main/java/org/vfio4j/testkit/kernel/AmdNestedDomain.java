// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;

/**
 * A table of a guest for AMD's IOMMU: a device table entry leads to a table of roots, one for each
 * PASID, and each of these to a table in the form of the processor's.
 */
final class AmdNestedDomain extends NestedDomain {
  private static final long ROOT_VALID = 1;
  private static final int LEVELS_OF_4 = 48;

  private final long roots;

  /**
   * {@code first} and {@code second}: the words of the entry that have the address of the roots.
   */
  AmdNestedDomain(IommuDriver owner, PagingDomain parent, long first, long second) {
    super(owner, parent);
    this.roots =
        (first >>> 58 & 0x7) << 12
            | (second >>> 16 & 0xffff) << 15
            | (second >>> 43 & 0x1f_ffff) << 31;
  }

  @Override
  Long translate(long address, boolean write, GuestMemory memory) {
    Long root = memory.word(roots);
    if (root == null || (root & ROOT_VALID) == 0) {
      return null;
    }
    return new VtdNestedDomain(owner(), parent(), root, LEVELS_OF_4)
        .translate(address, write, memory);
  }

  /** There is no way for it without a virtual IOMMU of AMD's. */
  @Override
  void invalidate(UserArray entries) {
    throw KernelError.of(Errno.EOPNOTSUPP);
  }
}
