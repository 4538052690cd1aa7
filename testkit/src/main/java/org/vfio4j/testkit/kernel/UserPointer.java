// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

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

  /** An address of which nothing is known, or a number that is no address at all. */
  UserPointer(UserMemory memory, long address) {
    this.memory = memory;
    this.address = address;
    this.block = null;
  }

  UserPointer(UserMemory memory, NativeBlock block) {
    this.memory = memory;
    this.address = block.address();
    this.block = block;
  }

  /** The argument of an ioctl that takes a number. */
  long number() {
    return address;
  }

  UserPointer at(long otherAddress) {
    return new UserPointer(memory, otherAddress);
  }

  int getInt(int offset) {
    return holds(offset, Integer.BYTES)
        ? block.getInt(offset)
        : memory.read(address + offset, Integer.BYTES).getInt(0);
  }

  short getShort(int offset) {
    return holds(offset, Short.BYTES)
        ? block.getShort(offset)
        : memory.read(address + offset, Short.BYTES).getShort(0);
  }

  byte getByte(int offset) {
    return holds(offset, Byte.BYTES)
        ? block.getByte(offset)
        : memory.read(address + offset, Byte.BYTES).getByte(0);
  }

  long getLong(int offset) {
    return holds(offset, Long.BYTES)
        ? block.getLong(offset)
        : memory.read(address + offset, Long.BYTES).getLong(0);
  }

  byte[] get(int offset, int length) {
    return holds(offset, length)
        ? block.get(offset, length)
        : memory.read(address + offset, length).get(0, length);
  }

  void putShort(int offset, short value) {
    if (holds(offset, Short.BYTES)) {
      block.putShort(offset, value);
    } else {
      NativeBlock bytes = new NativeBlock(Short.BYTES);
      bytes.putShort(0, value);
      memory.write(address + offset, bytes);
    }
  }

  void putInt(int offset, int value) {
    if (holds(offset, Integer.BYTES)) {
      block.putInt(offset, value);
    } else {
      NativeBlock bytes = new NativeBlock(Integer.BYTES);
      bytes.putInt(0, value);
      memory.write(address + offset, bytes);
    }
  }

  void putLong(int offset, long value) {
    if (holds(offset, Long.BYTES)) {
      block.putLong(offset, value);
    } else {
      NativeBlock bytes = new NativeBlock(Long.BYTES);
      bytes.putLong(0, value);
      memory.write(address + offset, bytes);
    }
  }

  void put(int offset, byte[] source) {
    if (holds(offset, source.length)) {
      block.put(offset, source);
    } else if (source.length > 0) {
      NativeBlock bytes = new NativeBlock(source.length);
      bytes.put(0, source);
      memory.write(address + offset, bytes);
    }
  }

  private boolean holds(int offset, int length) {
    return block != null && offset <= block.capacity() - length;
  }
}
