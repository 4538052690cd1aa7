// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.vfio4j.Errno;

/**
 * The argument of a call of an iommufd, which the kernel copies, completes and copies back.
 *
 * <p>Source: iommufd_fops_ioctl() and iommufd_ucmd_respond() in {@code main.c}.
 */
final class IommufdCommand {
  private final UserPointer user;
  private final int userSize;
  private final ByteBuffer copy;

  /**
   * copy_struct_from_user(): what this kernel does not know must be 0, what the caller does not
   * know is.
   *
   * @param userSize what the caller says of the size
   * @param smallest the size of the struct when it was introduced
   * @param known the size that this kernel knows
   */
  IommufdCommand(UserPointer user, int userSize, int smallest, int known) {
    KernelError.refuseIf(Integer.compareUnsigned(userSize, smallest) < 0, Errno.EINVAL);
    user.checkZero(known, userSize);
    this.user = user;
    this.userSize = userSize;
    int length = Integer.compareUnsigned(userSize, known) < 0 ? userSize : known;
    this.copy = ByteBuffer.allocate(known).order(ByteOrder.nativeOrder());
    copy.put(0, user.get(0, length));
  }

  /** The memory of the process at an address in the argument. */
  UserPointer at(long address) {
    return user.at(address);
  }

  private boolean has(int offset, int length) {
    return offset + length <= copy.capacity();
  }

  /** 0 where this kernel does not know the field; so for all types. */
  int getInt(int offset) {
    return has(offset, Integer.BYTES) ? copy.getInt(offset) : 0;
  }

  byte getByte(int offset) {
    return has(offset, Byte.BYTES) ? copy.get(offset) : 0;
  }

  short getShort(int offset) {
    return has(offset, Short.BYTES) ? copy.getShort(offset) : 0;
  }

  long getLong(int offset) {
    return has(offset, Long.BYTES) ? copy.getLong(offset) : 0;
  }

  IommufdCommand putByte(int offset, int value) {
    if (has(offset, Byte.BYTES)) {
      copy.put(offset, (byte) value);
    }
    return this;
  }

  IommufdCommand putInt(int offset, int value) {
    if (has(offset, Integer.BYTES)) {
      copy.putInt(offset, value);
    }
    return this;
  }

  IommufdCommand putLong(int offset, long value) {
    if (has(offset, Long.BYTES)) {
      copy.putLong(offset, value);
    }
    return this;
  }

  /** As much of the argument as the caller and this kernel know. EFAULT where it is read-only. */
  void respond() {
    int length =
        Integer.compareUnsigned(userSize, copy.capacity()) < 0 ? userSize : copy.capacity();
    byte[] bytes = new byte[length];
    copy.get(0, bytes);
    user.put(0, bytes);
  }
}
