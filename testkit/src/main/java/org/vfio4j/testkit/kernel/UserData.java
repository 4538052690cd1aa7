// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.vfio4j.Errno;

/** A struct in the memory of the process that only a driver understands. */
record UserData(int type, UserPointer pointer, int length) {
  /**
   * iommu_copy_struct_from_user().
   *
   * @param first the size of the struct when it was introduced
   */
  ByteBuffer struct(int wantedType, int first, int size) {
    boolean wrong =
        type != wantedType
            || Integer.compareUnsigned(length, first) < 0
            || Integer.compareUnsigned(length, size) > 0;
    KernelError.refuseIf(wrong, Errno.EINVAL);
    ByteBuffer struct = ByteBuffer.allocate(size).order(ByteOrder.nativeOrder());
    struct.put(0, pointer.get(0, length));
    return struct;
  }
}
