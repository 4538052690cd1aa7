// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.dma;

import org.vfio4j.Units;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

/**
 * A range of I/O virtual addresses, unsigned, both ends inclusive, as the kernel writes them.
 *
 * @param start the first address
 * @param last the last address, not less than {@code start}
 */
public record IovaRange(long start, long last) {
  /** The whole space. */
  public static final IovaRange ALL = new IovaRange(0, -1);

  public IovaRange {
    if (Long.compareUnsigned(start, last) > 0) {
      throw VfioException.failed(Reason.INVALID_ARGUMENT, "IOVA range")
          .on(Units.hex(start) + "-" + Units.hex(last))
          .fact("it ends before it starts")
          .build();
    }
  }

  /** All that a device with this many address bits reaches: 28 gives 0x0-0xfffffff. */
  public static IovaRange bits(int count) {
    return new IovaRange(0, count >= Long.SIZE ? -1 : (1L << count) - 1);
  }

  public boolean contains(long from, long length) {
    long end = from + length - 1;
    return Long.compareUnsigned(from, start) >= 0
        && Long.compareUnsigned(end, last) <= 0
        && Long.compareUnsigned(from, end) <= 0;
  }

  @Override
  public String toString() {
    return Units.hex(start) + "-" + Units.hex(last);
  }
}
