// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.ByteBuffer;
import org.vfio4j.Errno;
import org.vfio4j.iommufd.uapi.IommuHwptVtdS1Invalidate;
import org.vfio4j.iommufd.uapi.IommufdUapi;

/**
 * A first stage of VT-d: a table of the guest's in the form that its processor has too.
 *
 * <p>Nothing of it is kept, so that it is right even where the guest should have invalidated.
 * Source: {@code drivers/iommu/intel/nested.c}.
 */
final class VtdNestedDomain extends NestedDomain {
  private static final long PRESENT = 1;
  private static final long WRITABLE = 1 << 1;
  private static final long LARGE = 1 << 7;
  private static final long ADDRESS = 0x000f_ffff_ffff_f000L;
  private static final int LEVEL_BITS = 9;
  private static final int PAGE_BITS = 12;
  private static final int WIDTH_OF_5_LEVELS = 57;

  private final long table;
  private final int levels;

  VtdNestedDomain(IommuDriver owner, PagingDomain parent, long table, int width) {
    super(owner, parent);
    this.table = table;
    this.levels = width == WIDTH_OF_5_LEVELS ? 5 : 4;
  }

  @Override
  Long translate(long address, boolean write, GuestMemory memory) {
    long next = table;
    for (int level = levels; level > 0; level--) {
      int shift = PAGE_BITS + (level - 1) * LEVEL_BITS;
      long index = address >>> shift & ((1 << LEVEL_BITS) - 1);
      Long entry = memory.word((next & ADDRESS) + index * Long.BYTES);
      if (entry == null || (entry & PRESENT) == 0 || (write && (entry & WRITABLE) == 0)) {
        return null;
      }
      boolean leaf = level == 1 || (level <= 3 && (entry & LARGE) != 0);
      if (leaf) {
        long offset = (1L << shift) - 1;
        return (entry & ADDRESS & ~offset) | (address & offset);
      }
      next = entry;
    }
    throw new IllegalStateException("a table without a last level");
  }

  @Override
  void invalidate(UserArray entries) {
    KernelError.refuseIf(
        entries.type() != IommufdUapi.IOMMU_HWPT_INVALIDATE_DATA_VTD_S1, Errno.EINVAL);
    for (int i = 0; Integer.compareUnsigned(i, entries.count()) < 0; i++) {
      ByteBuffer entry =
          entries.struct(
              i,
              IommufdUapi.IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
              IommuHwptVtdS1Invalidate.SIZEOF,
              IommuHwptVtdS1Invalidate.SIZEOF);
      int flags = entry.getInt(IommuHwptVtdS1Invalidate.FLAGS);
      boolean unknown =
          (flags & ~IommufdUapi.IOMMU_VTD_INV_FLAGS_LEAF) != 0
              || entry.getInt(IommuHwptVtdS1Invalidate.RESERVED) != 0;
      KernelError.refuseIf(unknown, Errno.EOPNOTSUPP);
      long address = entry.getLong(IommuHwptVtdS1Invalidate.ADDR);
      boolean all = entry.getLong(IommuHwptVtdS1Invalidate.NPAGES) == -1;
      boolean wrong = (address & (UserMemory.PAGE - 1)) != 0 || (all && address != 0);
      KernelError.refuseIf(wrong, Errno.EINVAL);
      entries.finished();
    }
  }
}
