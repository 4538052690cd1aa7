// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab.fidelity;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import org.vfio4j.Errno;
import org.vfio4j.linux.Kernel;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;

/** One of the two kernels: the argument block, and the values of the handles there. */
final class Lane {
  /** Longer than every struct; what is behind those of a call is 0 up to {@link #END}. */
  static final int ARENA = 4096;

  /**
   * Not 0 from here on: a struct that is said to be longer than it is ends in something unknown.
   */
  static final int END = ARENA - 8;

  /** No process has so many descriptors, so it stands for one that is closed. */
  private static final int CLOSED = 0x3fff_0000;

  private static final long UNKNOWN = -1;

  private final Kernel kernel;
  private final NativeBlock arena = new NativeBlock(ARENA);
  private final ByteBuffer bytes = arena.asByteBuffer();
  private final byte[] zeros = new byte[END];
  private final Map<Integer, MappedMemory> mappings = new TreeMap<>();
  private long[] values = new long[256];
  private boolean[] descriptors = new boolean[256];
  private int dirty = END;

  Lane(Kernel kernel) {
    this.kernel = kernel;
    Arrays.fill(values, UNKNOWN);
    arena.putLong(END, -1);
  }

  Kernel kernel() {
    return kernel;
  }

  NativeBlock arena() {
    return arena;
  }

  ByteBuffer bytes() {
    return bytes;
  }

  /** Fills the argument block and makes the call. */
  long run(Call call) {
    fill(call);
    return make(call);
  }

  /** Fills the argument block. */
  void fill(Call call) {
    arena.put(0, dirty == END ? zeros : Arrays.copyOf(zeros, dirty));
    for (Call.Field field : call.fields()) {
      long value = given(field);
      switch (field.width()) {
        case Byte.BYTES -> arena.putByte(field.offset(), (byte) value);
        case Short.BYTES -> arena.putShort(field.offset(), (short) value);
        case Integer.BYTES -> arena.putInt(field.offset(), (int) value);
        default -> arena.putLong(field.offset(), value);
      }
    }
    if (call.textAt() >= 0) {
      arena.put(call.textAt(), call.text().getBytes(StandardCharsets.US_ASCII));
    }
    dirty = call.used();
  }

  /** Makes the call that the argument block is filled for. */
  long make(Call call) {
    long result = call.run(this);
    if (result >= 0) {
      for (Call.Out out : call.outs()) {
        long told = told(out, result);
        // A call may say that there is none.
        set(out.handle(), told, out.isDescriptor() && told >= 0);
      }
    }
    return result;
  }

  /** What the field holds before the call, as {@link #read} reads it. */
  long given(Call.Field field) {
    long value = field.isPointer() ? arena.address() + field.target() : value(field);
    return field.width() == Integer.BYTES ? (int) value : value;
  }

  long read(int offset, int width) {
    return switch (width) {
      case Byte.BYTES -> arena.getByte(offset);
      case Short.BYTES -> arena.getShort(offset);
      case Integer.BYTES -> arena.getInt(offset);
      default -> arena.getLong(offset);
    };
  }

  private long told(Call.Out out, long result) {
    if (out.offset() < 0) {
      return result;
    }
    return out.width() == Integer.BYTES ? arena.getInt(out.offset()) : arena.getLong(out.offset());
  }

  void set(Handle handle, long value, boolean descriptor) {
    int slot = handle.slot();
    if (slot >= values.length) {
      int known = values.length;
      values = Arrays.copyOf(values, Math.max(slot + 1, 2 * known));
      Arrays.fill(values, known, values.length, UNKNOWN);
      descriptors = Arrays.copyOf(descriptors, values.length);
    }
    values[slot] = value;
    descriptors[slot] = descriptor;
  }

  private long value(Handle handle) {
    return handle.slot() < values.length ? values[handle.slot()] : UNKNOWN;
  }

  long value(Argument argument) {
    return argument.handle() == null
        ? argument.number()
        : value(argument.handle()) + argument.number();
  }

  /** What was never made has no value to add to. */
  private long value(Call.Field field) {
    Argument argument = field.value();
    boolean unknown = argument.handle() != null && value(argument.handle()) == UNKNOWN;
    boolean address = field.width() == Long.BYTES;
    return unknown && address ? argument.number() : value(argument);
  }

  /** A descriptor of this sequence, or one that nobody has. */
  int fd(Argument argument) {
    Handle handle = argument.handle();
    if (handle == null) {
      return (int) argument.number();
    }
    return hasDescriptor(handle) ? (int) values[handle.slot()] : CLOSED;
  }

  /** Whether it is one, be it closed since. */
  boolean hasDescriptor(Handle handle) {
    return handle.slot() < values.length && descriptors[handle.slot()];
  }

  int close(Argument argument) {
    int fd = fd(argument);
    int result = kernel.close(fd);
    if (argument.handle() != null && fd != CLOSED) {
      values[argument.handle().slot()] = CLOSED;
    }
    return result;
  }

  void mapped(Handle handle, MappedMemory memory) {
    mappings.put(handle.slot(), memory);
  }

  int unmap(Handle handle) {
    MappedMemory memory = mappings.get(handle.slot());
    return memory == null ? Errno.EINVAL.result() : kernel.munmap(memory);
  }

  boolean isAnythingOpen() {
    for (int slot = 0; slot < values.length; slot++) {
      if (descriptors[slot] && values[slot] != CLOSED) {
        return true;
      }
    }
    return false;
  }

  /** Leaves nothing open, the last first. */
  void closeAll() {
    mappings.values().forEach(kernel::munmap);
    for (int slot = values.length - 1; slot >= 0; slot--) {
      if (descriptors[slot] && values[slot] != CLOSED) {
        kernel.close((int) values[slot]);
      }
    }
  }
}
