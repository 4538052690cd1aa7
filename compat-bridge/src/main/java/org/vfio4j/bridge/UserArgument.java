// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.bridge;

import org.vfio4j.Errno;
import org.vfio4j.memory.NativeBlock;

/** The argument of an ioctl: a number, which may be the address of a struct. */
final class UserArgument {
  private final UserMemory memory;
  private final long address;
  private final NativeBlock block;

  /** A number. */
  UserArgument(UserMemory memory, long number) {
    this(memory, number, null);
  }

  /** The address of a block. */
  UserArgument(UserMemory memory, NativeBlock block) {
    this(memory, block.address(), block);
  }

  private UserArgument(UserMemory memory, long address, NativeBlock block) {
    this.memory = memory;
    this.address = address;
    this.block = block;
  }

  long number() {
    return address;
  }

  /** A copy of {@code length} bytes from {@code offset} on. */
  NativeBlock read(int offset, int length) throws BridgeRefusal {
    NativeBlock copy = new NativeBlock(length);
    if (block != null && length <= block.capacity() - offset) {
      copy.put(0, block.get(offset, length));
    } else {
      BridgeRefusal.check(memory.read(address + offset, copy));
    }
    return copy;
  }

  /** Writes all of {@code bytes} from {@code offset} on. */
  void write(int offset, NativeBlock bytes) throws BridgeRefusal {
    int length = bytes.capacity();
    if (block != null && length <= block.capacity() - offset) {
      block.put(offset, bytes.get(0, length));
    } else {
      BridgeRefusal.check(memory.write(address + offset, bytes));
    }
  }

  int getInt(int offset) throws BridgeRefusal {
    return read(offset, Integer.BYTES).getInt(0);
  }

  void putInt(int offset, int value) throws BridgeRefusal {
    NativeBlock bytes = new NativeBlock(Integer.BYTES);
    bytes.putInt(0, value);
    write(offset, bytes);
  }

  void putLong(int offset, long value) throws BridgeRefusal {
    NativeBlock bytes = new NativeBlock(Long.BYTES);
    bytes.putLong(0, value);
    write(offset, bytes);
  }

  /** Where a NUL ends it; EINVAL when that is not within {@code most} bytes. */
  String text(int most) throws BridgeRefusal {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < most; i++) {
      byte letter = read(i, 1).getByte(0);
      if (letter == 0) {
        return text.toString();
      }
      text.append((char) Byte.toUnsignedInt(letter));
    }
    throw BridgeRefusal.of(Errno.EINVAL);
  }

  /** Memory at another address, one that stands in a struct. */
  UserArgument at(long otherAddress) {
    return new UserArgument(memory, otherAddress);
  }
}
