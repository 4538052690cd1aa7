// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;
import org.vfio4j.memory.NativeBlock;

/**
 * A pointer that the process gave to the kernel: copy_from_user and copy_to_user.
 *
 * <p>Every access fails with EFAULT where the process has no memory.
 */
final class UserPointer {
  private final UserMemory memory;
  private final long address;
  private final NativeBlock block;

  /** Where in {@link #block} it points to. */
  private final int start;

  /** An address of which nothing is known, or a number that is no address at all. */
  UserPointer(UserMemory memory, long address) {
    this(memory, address, null, 0);
  }

  UserPointer(UserMemory memory, NativeBlock block) {
    this(memory, block.address(), block, 0);
  }

  private UserPointer(UserMemory memory, long address, NativeBlock block, int start) {
    this.memory = memory;
    this.address = address;
    this.block = block;
    this.start = start;
  }

  /** The argument of an ioctl that takes a number. */
  long number() {
    return address;
  }

  /** Into the same block, if that is where it points to. */
  UserPointer at(long otherAddress) {
    long offset = block == null ? -1 : otherAddress - block.address();
    return offset >= 0 && offset < block.capacity()
        ? new UserPointer(memory, otherAddress, block, (int) offset)
        : new UserPointer(memory, otherAddress);
  }

  /**
   * The size that the caller tells of a struct of VFIO, its first field: EINVAL below {@code
   * smallest}, of which all must be there, whatever is told.
   */
  int argsz(int smallest) {
    copied(smallest);
    int argsz = getInt(0);
    KernelError.refuseIf(Integer.compareUnsigned(argsz, smallest) < 0, Errno.EINVAL);
    return argsz;
  }

  /** copy_from_user(): all of it must be there, before any of it is looked at. */
  void copied(int length) {
    if (!holds(0, length)) {
      memory.read(address, length);
    }
  }

  int getInt(int offset) {
    return holds(offset, Integer.BYTES)
        ? block.getInt(start + offset)
        : memory.read(address + offset, Integer.BYTES).getInt(0);
  }

  short getShort(int offset) {
    return holds(offset, Short.BYTES)
        ? block.getShort(start + offset)
        : memory.read(address + offset, Short.BYTES).getShort(0);
  }

  byte getByte(int offset) {
    return holds(offset, Byte.BYTES)
        ? block.getByte(start + offset)
        : memory.read(address + offset, Byte.BYTES).getByte(0);
  }

  long getLong(int offset) {
    return holds(offset, Long.BYTES)
        ? block.getLong(start + offset)
        : memory.read(address + offset, Long.BYTES).getLong(0);
  }

  byte[] get(int offset, int length) {
    return holds(offset, length)
        ? block.get(start + offset, length)
        : memory.read(address + offset, length).get(0, length);
  }

  void putShort(int offset, short value) {
    if (holds(offset, Short.BYTES)) {
      block.putShort(start + offset, value);
    } else {
      NativeBlock bytes = new NativeBlock(Short.BYTES);
      bytes.putShort(0, value);
      memory.write(address + offset, bytes);
    }
  }

  void putInt(int offset, int value) {
    if (holds(offset, Integer.BYTES)) {
      block.putInt(start + offset, value);
    } else {
      NativeBlock bytes = new NativeBlock(Integer.BYTES);
      bytes.putInt(0, value);
      memory.write(address + offset, bytes);
    }
  }

  void putLong(int offset, long value) {
    if (holds(offset, Long.BYTES)) {
      block.putLong(start + offset, value);
    } else {
      NativeBlock bytes = new NativeBlock(Long.BYTES);
      bytes.putLong(0, value);
      memory.write(address + offset, bytes);
    }
  }

  void put(int offset, byte[] source) {
    if (holds(offset, source.length)) {
      block.put(start + offset, source);
    } else if (source.length > 0) {
      NativeBlock bytes = new NativeBlock(source.length);
      bytes.put(0, source);
      memory.write(address + offset, bytes);
    }
  }

  /** E2BIG when a byte from {@code start} on, and before {@code end}, is not 0; both unsigned. */
  void checkZero(int start, int end) {
    long last = Integer.toUnsignedLong(end);
    for (long at = Integer.toUnsignedLong(start); at < last; ) {
      // Up to the end of a page of the process: behind it there may be nothing.
      long rest = UserMemory.PAGE - ((address + at) & (UserMemory.PAGE - 1));
      int length = (int) Math.min(rest, last - at);
      boolean held = block != null && at <= block.capacity() - length;
      byte[] bytes =
          held ? block.get((int) at, length) : memory.read(address + at, length).get(0, length);
      for (byte one : bytes) {
        KernelError.refuseIf(one != 0, Errno.E2BIG);
      }
      at += length;
    }
  }

  private boolean holds(int offset, int length) {
    return block != null && offset <= block.capacity() - start - length;
  }
}
