// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.ByteBuffer;
import java.util.Arrays;
import org.vfio4j.Errno;

/** A page table of a guest for mock devices, which is nothing but a cache of four numbers. */
final class MockNestedDomain extends NestedDomain {
  static final int INVALIDATE_DATA = 0xdeadbeef;

  private static final int CACHE_SIZE = 4;
  private static final int FLAG_ALL = 1;
  private static final int FLAGS = 0;
  private static final int IOTLB_ID = 4;
  private static final int ENTRY_SIZE = 8;

  private final int[] iotlb = new int[CACHE_SIZE];

  MockNestedDomain(IommuDriver owner, PagingDomain parent, int content) {
    super(owner, parent);
    Arrays.fill(iotlb, content);
  }

  /** EINVAL when the number is another one. */
  void check(int index, int expected) {
    boolean wrong = Integer.compareUnsigned(index, CACHE_SIZE) >= 0 || iotlb[index] != expected;
    KernelError.refuseIf(wrong, Errno.EINVAL);
  }

  /** Mock devices do not transfer. */
  @Override
  Long translate(long address, boolean write, GuestMemory memory) {
    return null;
  }

  @Override
  void invalidate(UserArray entries) {
    KernelError.refuseIf(entries.type() != INVALIDATE_DATA, Errno.EINVAL);
    for (int i = 0; Integer.compareUnsigned(i, entries.count()) < 0; i++) {
      ByteBuffer entry = entries.struct(i, INVALIDATE_DATA, ENTRY_SIZE, ENTRY_SIZE);
      int flags = entry.getInt(FLAGS);
      int index = entry.getInt(IOTLB_ID);
      KernelError.refuseIf((flags & ~FLAG_ALL) != 0, Errno.EOPNOTSUPP);
      KernelError.refuseIf(Integer.compareUnsigned(index, CACHE_SIZE) >= 0, Errno.EINVAL);
      if (flags == FLAG_ALL) {
        Arrays.fill(iotlb, 0);
      } else {
        iotlb[index] = 0;
      }
      entries.finished();
    }
  }
}
