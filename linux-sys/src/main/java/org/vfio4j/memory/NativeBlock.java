// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.memory;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.vfio4j.linux.libc.HostLibc;

/**
 * A small piece of zeroed native memory with a fixed address, for the arguments of system calls.
 *
 * <p>Values are in the machine's byte order, as the kernel reads them. The memory is freed when the
 * block is no longer reachable: whoever hands out {@link #address()}, to the kernel or inside
 * another block, must keep the block reachable for as long as the address is used ({@link
 * java.lang.ref.Reference#reachabilityFence}). A device must never be given such memory; that is
 * what {@link org.vfio4j.dma.DmaBuffer} is for.
 *
 * <p>Not thread safe. Offsets out of range throw {@link IndexOutOfBoundsException}.
 */
public class NativeBlock {
  private final ByteBuffer bytes;
  private final long address;

  /** A zeroed block of {@code size} bytes, aligned to 8. */
  public NativeBlock(int size) {
    this(ByteBuffer.allocateDirect(size));
  }

  private NativeBlock(ByteBuffer direct) {
    this.bytes = direct.order(ByteOrder.nativeOrder());
    this.address = direct.capacity() == 0 ? 0 : HostLibc.get().addressOf(direct);
  }

  /**
   * The bytes of a direct buffer between its position and its limit, shared and not copied.
   *
   * @throws IllegalArgumentException when the buffer is not direct
   */
  public static NativeBlock over(ByteBuffer direct) {
    if (!direct.isDirect()) {
      throw new IllegalArgumentException(
          "the kernel needs a direct buffer, this one is on the heap");
    }
    return new NativeBlock(direct.slice());
  }

  /** The text in UTF-8, ended by a NUL byte. */
  public static NativeBlock ofString(String text) {
    byte[] encoded = text.getBytes(StandardCharsets.UTF_8);
    NativeBlock block = new NativeBlock(encoded.length + 1);
    block.put(0, encoded);
    return block;
  }

  public final long address() {
    return address;
  }

  /** In bytes. */
  public final int capacity() {
    return bytes.capacity();
  }

  public final byte getByte(int offset) {
    return bytes.get(offset);
  }

  public final void putByte(int offset, byte value) {
    bytes.put(offset, value);
  }

  public final short getShort(int offset) {
    return bytes.getShort(offset);
  }

  public final void putShort(int offset, short value) {
    bytes.putShort(offset, value);
  }

  public final int getInt(int offset) {
    return bytes.getInt(offset);
  }

  public final void putInt(int offset, int value) {
    bytes.putInt(offset, value);
  }

  public final long getLong(int offset) {
    return bytes.getLong(offset);
  }

  public final void putLong(int offset, long value) {
    bytes.putLong(offset, value);
  }

  /** Copies {@code length} bytes from {@code offset} on to a new array. */
  public final byte[] get(int offset, int length) {
    byte[] copy = new byte[length];
    bytes.get(offset, copy);
    return copy;
  }

  public final void put(int offset, byte[] source) {
    bytes.put(offset, source);
  }

  /** Sets every byte to 0. */
  public final void clear() {
    for (int i = 0; i < bytes.capacity(); i++) {
      bytes.put(i, (byte) 0);
    }
  }

  /** A buffer over the same bytes, in native byte order, with a position of its own. */
  public final ByteBuffer asByteBuffer() {
    return bytes.duplicate().order(ByteOrder.nativeOrder());
  }
}
