// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.memory;

import java.lang.ref.Reference;
import java.util.Objects;
import org.vfio4j.Units;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

/**
 * Mapped memory: the registers of a device, or memory that a device reads and writes.
 *
 * <p>An access by {@code getIntLe} or {@code putIntLe} is one access of 32 bits, and so for the
 * other widths: never split, never merged, never left out, and in the order of the program with
 * respect to all other such accesses of the same thread (volatile semantics). Values are
 * little-endian, as PCI has them, whatever the machine's byte order. The offset, in bytes, must be
 * a multiple of the width.
 *
 * <p>An access out of range, at a wrong alignment or after the memory was unmapped throws {@link
 * VfioException}. It never reaches the device and never crashes the JVM, even where another thread
 * unmaps at that moment.
 *
 * <p>Memory that does not answer (SIGBUS: memory decoding is off, the device is in reset or gone)
 * does not crash the JVM either, but HotSpot reports it late. The access itself may return, a read
 * with an arbitrary value, and an {@link InternalError} is thrown on the same thread afterwards: on
 * JDK 25 within the accessor while it is interpreted ({@link Reason#DEVICE_FAULT} then) and at the
 * next loop or method end once it is compiled; on JDK 17 whenever the thread next takes a slow path
 * of the virtual machine, which may be much later, anywhere, or never. Who must know of each access
 * uses pread and pwrite on the device's file: they return an errno.
 *
 * <p>Thread safe, as far as the device is.
 */
public abstract class MappedMemory {
  private final long size;
  private final String name;
  private volatile boolean unmapped;

  /**
   * @param size in bytes
   * @param name what it is, for messages: {@code region 0 of 0000:00:05.0}
   */
  protected MappedMemory(long size, String name) {
    this.size = size;
    this.name = name;
  }

  /** In bytes. */
  public final long size() {
    return size;
  }

  /**
   * Where it is mapped in this process, for the kernel: {@code user_va} of a mapping.
   *
   * <p>The address is valid until the memory is unmapped; keep this object reachable while it is
   * used.
   */
  public abstract long address();

  /** Whether it was unmapped; once true, it stays. */
  public final boolean isUnmapped() {
    return unmapped;
  }

  public final byte getByte(long offset) {
    check(offset, 1);
    byte value = load8(offset);
    checkStillMapped();
    return value;
  }

  public final short getShortLe(long offset) {
    check(offset, 2);
    short value = load16(offset);
    checkStillMapped();
    return value;
  }

  public final int getIntLe(long offset) {
    check(offset, 4);
    int value = load32(offset);
    checkStillMapped();
    return value;
  }

  public final long getLongLe(long offset) {
    check(offset, 8);
    long value = load64(offset);
    checkStillMapped();
    return value;
  }

  public final void putByte(long offset, byte value) {
    check(offset, 1);
    try {
      store8(offset, value);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  public final void putShortLe(long offset, short value) {
    check(offset, 2);
    try {
      store16(offset, value);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  public final void putIntLe(long offset, int value) {
    check(offset, 4);
    try {
      store32(offset, value);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  public final void putLongLe(long offset, long value) {
    check(offset, 8);
    try {
      store64(offset, value);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /**
   * Copies {@code length} bytes from {@code offset} on into {@code target}, in accesses of any
   * width and order: for memory, not for registers.
   */
  public final void read(long offset, byte[] target, int start, int length) {
    checkRange(offset, length);
    Objects.checkFromIndexSize(start, length, target.length);
    copyOut(offset, target, start, length);
    checkStillMapped();
  }

  /** Copies {@code length} bytes of {@code source} to {@code offset}, as {@link #read} does. */
  public final void write(long offset, byte[] source, int start, int length) {
    checkRange(offset, length);
    Objects.checkFromIndexSize(start, length, source.length);
    try {
      copyIn(offset, source, start, length);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Sets {@code length} bytes from {@code offset} on, in accesses of any width and order. */
  public final void fill(long offset, long length, byte value) {
    checkRange(offset, length);
    try {
      set(offset, length, value);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Of what was checked to be in range and aligned; one access of 8 bits. */
  protected abstract byte load8(long offset);

  protected abstract short load16(long offset);

  protected abstract int load32(long offset);

  protected abstract long load64(long offset);

  protected abstract void store8(long offset, byte value);

  protected abstract void store16(long offset, short value);

  protected abstract void store32(long offset, int value);

  protected abstract void store64(long offset, long value);

  protected abstract void copyOut(long offset, byte[] target, int start, int length);

  protected abstract void copyIn(long offset, byte[] source, int start, int length);

  protected abstract void set(long offset, long length, byte value);

  /**
   * Marks the memory as unmapped, before it is: from here on every access throws.
   *
   * @return false when it was marked before
   */
  protected final synchronized boolean markUnmapped() {
    boolean first = !unmapped;
    unmapped = true;
    return first;
  }

  @Override
  public String toString() {
    return name + ", " + Units.bytes(size) + (unmapped ? ", unmapped" : "");
  }

  private void check(long offset, int width) {
    if (unmapped || offset < 0 || offset > size - width || (offset & (width - 1)) != 0) {
      refuse(offset, width);
    }
  }

  private void checkRange(long offset, long length) {
    if (unmapped || offset < 0 || length < 0 || offset > size - length) {
      refuse(offset, length);
    }
  }

  /**
   * A read that raced with the unmap may have seen what took the device's place; its value must not
   * get out.
   *
   * <p>This also keeps reads alive whose value nobody uses: HotSpot drops even a volatile load
   * then, but not one whose value a branch that follows may still need. A test counts the reads.
   */
  private void checkStillMapped() {
    if (unmapped) {
      throw unmappedException();
    }
  }

  private void refuse(long offset, long width) {
    if (unmapped) {
      throw unmappedException();
    }
    boolean inside = offset >= 0 && width >= 0 && offset <= size - width;
    throw VfioException.failed(Reason.INVALID_ARGUMENT, "access of " + Units.bytes(width))
        .on("at offset " + Units.hex(offset) + " of " + name)
        .fact(
            inside
                ? "the offset is not a multiple of the access width"
                : "the memory has " + Units.bytes(size))
        .build();
  }

  private VfioException unmappedException() {
    return VfioException.failed(Reason.CLOSED, "access")
        .on("to " + name)
        .fact("it was unmapped")
        .build();
  }
}
