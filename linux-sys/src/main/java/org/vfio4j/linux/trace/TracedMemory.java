// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux.trace;

import java.util.Arrays;
import java.util.function.Consumer;
import org.vfio4j.memory.MappedMemory;

/** Mapped memory whose accesses are written down. */
final class TracedMemory extends MappedMemory {
  private final MappedMemory below;
  private final Consumer<String> lines;

  TracedMemory(MappedMemory below, Consumer<String> lines) {
    super(below.size(), "traced " + below);
    this.below = below;
    this.lines = lines;
  }

  MappedMemory below() {
    return below;
  }

  void unmapped() {
    markUnmapped();
  }

  @Override
  public long address() {
    return below.address();
  }

  private long loaded(int width, long offset, long value) {
    lines.accept(
        TraceFormat.access("load" + Byte.SIZE * width, address(), offset, "")
            + " = 0x"
            + Long.toHexString(value));
    return value;
  }

  private void stored(int width, long offset, long value) {
    String more = ", 0x" + Long.toHexString(value);
    lines.accept(TraceFormat.access("store" + Byte.SIZE * width, address(), offset, more) + " = 0");
  }

  @Override
  protected byte load8(long offset) {
    return (byte) loaded(Byte.BYTES, offset, Byte.toUnsignedLong(below.getByte(offset)));
  }

  @Override
  protected short load16(long offset) {
    return (short) loaded(Short.BYTES, offset, Short.toUnsignedLong(below.getShortLe(offset)));
  }

  @Override
  protected int load32(long offset) {
    return (int) loaded(Integer.BYTES, offset, Integer.toUnsignedLong(below.getIntLe(offset)));
  }

  @Override
  protected long load64(long offset) {
    return loaded(Long.BYTES, offset, below.getLongLe(offset));
  }

  @Override
  protected void store8(long offset, byte value) {
    stored(Byte.BYTES, offset, Byte.toUnsignedLong(value));
    below.putByte(offset, value);
  }

  @Override
  protected void store16(long offset, short value) {
    stored(Short.BYTES, offset, Short.toUnsignedLong(value));
    below.putShortLe(offset, value);
  }

  @Override
  protected void store32(long offset, int value) {
    stored(Integer.BYTES, offset, Integer.toUnsignedLong(value));
    below.putIntLe(offset, value);
  }

  @Override
  protected void store64(long offset, long value) {
    stored(Long.BYTES, offset, value);
    below.putLongLe(offset, value);
  }

  @Override
  protected void copyOut(long offset, byte[] target, int start, int length) {
    below.read(offset, target, start, length);
    byte[] copied = Arrays.copyOfRange(target, start, start + length);
    lines.accept(
        TraceFormat.access("copyOut", address(), offset, ", " + length)
            + " = 0 "
            + TraceFormat.bytes("out", copied));
  }

  @Override
  protected void copyIn(long offset, byte[] source, int start, int length) {
    byte[] copied = Arrays.copyOfRange(source, start, start + length);
    String more = ", " + TraceFormat.bytes("in", copied);
    lines.accept(TraceFormat.access("copyIn", address(), offset, more) + " = 0");
    below.write(offset, source, start, length);
  }

  @Override
  protected void set(long offset, long length, byte value) {
    String more = ", " + length + ", " + value;
    lines.accept(TraceFormat.access("fill", address(), offset, more) + " = 0");
    below.fill(offset, length, value);
  }
}
