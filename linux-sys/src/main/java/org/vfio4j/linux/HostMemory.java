// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ReadOnlyBufferException;
import org.vfio4j.Units;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.linux.libc.Libc;
import org.vfio4j.memory.MappedMemory;

/**
 * Memory mapped into this process, reached as plain memory.
 *
 * <p>A buffer of the JDK ends at 2 GiB, so that larger mappings are seen through several of them.
 *
 * <p>Unmapping must be safe against threads that are in the middle of an access, without a lock in
 * every access. So the mapping is not removed but replaced, in one system call, by anonymous
 * memory: what is underway hits that, and the device file is let go at once. The address range is
 * given back when no thread can reach this object any more.
 */
final class HostMemory extends MappedMemory {
  private static final VarHandle SHORT_LE =
      MethodHandles.byteBufferViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT_LE =
      MethodHandles.byteBufferViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONG_LE =
      MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private static final int WINDOW_SHIFT = 30;
  private static final long WINDOW = 1L << WINDOW_SHIFT;
  private static final long IN_WINDOW = WINDOW - 1;

  private final Libc libc;
  private final long address;
  private final ByteBuffer first;
  private final ByteBuffer[] windows;

  /**
   * @param writable whether it was mapped with PROT_WRITE: the JVM does not survive a write where
   *     it was not
   */
  HostMemory(Libc libc, long address, long size, String name, boolean writable) {
    super(size, name);
    this.libc = libc;
    this.address = address;
    windows = new ByteBuffer[Math.toIntExact((size + IN_WINDOW) >>> WINDOW_SHIFT)];
    for (int i = 0; i < windows.length; i++) {
      long start = (long) i << WINDOW_SHIFT;
      ByteBuffer window = libc.bytesAt(address + start, (int) Math.min(WINDOW, size - start));
      windows[i] = writable ? window : window.asReadOnlyBuffer();
    }
    first = windows[0];
    Leaks.CLEANER.register(this, new AddressRange(libc, address, size));
  }

  @Override
  public long address() {
    return address;
  }

  /**
   * Replaces the mapping; see the class comment.
   *
   * @return 0, or the negative errno
   */
  int unmap() {
    if (!markUnmapped()) {
      return 0;
    }
    long result =
        libc.mmap(
            address,
            size(),
            Linux.PROT_READ | Linux.PROT_WRITE,
            Linux.MAP_PRIVATE | Linux.MAP_ANONYMOUS | Linux.MAP_FIXED | Linux.MAP_NORESERVE,
            -1,
            0);
    return result < 0 ? (int) result : 0;
  }

  private ByteBuffer window(long offset) {
    return offset < WINDOW ? first : windows[(int) (offset >>> WINDOW_SHIFT)];
  }

  private static int inWindow(long offset) {
    return (int) (offset & IN_WINDOW);
  }

  @Override
  protected byte load8(long offset) {
    try {
      byte value = window(offset).get(inWindow(offset));
      VarHandle.fullFence();
      return value;
    } catch (InternalError e) {
      throw busError(offset, e);
    }
  }

  @Override
  protected short load16(long offset) {
    try {
      return (short) SHORT_LE.getVolatile(window(offset), inWindow(offset));
    } catch (InternalError e) {
      throw busError(offset, e);
    }
  }

  @Override
  protected int load32(long offset) {
    try {
      return (int) INT_LE.getVolatile(window(offset), inWindow(offset));
    } catch (InternalError e) {
      throw busError(offset, e);
    }
  }

  @Override
  protected long load64(long offset) {
    try {
      return (long) LONG_LE.getVolatile(window(offset), inWindow(offset));
    } catch (InternalError e) {
      throw busError(offset, e);
    }
  }

  @Override
  protected void store8(long offset, byte value) {
    try {
      // There is no volatile view of single bytes; the fences give the same order.
      VarHandle.fullFence();
      window(offset).put(inWindow(offset), value);
      VarHandle.fullFence();
    } catch (InternalError e) {
      throw busError(offset, e);
    } catch (ReadOnlyBufferException e) {
      throw readOnly(offset, e);
    }
  }

  @Override
  protected void store16(long offset, short value) {
    try {
      SHORT_LE.setVolatile(window(offset), inWindow(offset), value);
    } catch (InternalError e) {
      throw busError(offset, e);
    } catch (ReadOnlyBufferException e) {
      throw readOnly(offset, e);
    }
  }

  @Override
  protected void store32(long offset, int value) {
    try {
      INT_LE.setVolatile(window(offset), inWindow(offset), value);
    } catch (InternalError e) {
      throw busError(offset, e);
    } catch (ReadOnlyBufferException e) {
      throw readOnly(offset, e);
    }
  }

  @Override
  protected void store64(long offset, long value) {
    try {
      LONG_LE.setVolatile(window(offset), inWindow(offset), value);
    } catch (InternalError e) {
      throw busError(offset, e);
    } catch (ReadOnlyBufferException e) {
      throw readOnly(offset, e);
    }
  }

  @Override
  protected void copyOut(long offset, byte[] target, int start, int length) {
    try {
      for (int done = 0; done < length; ) {
        int at = inWindow(offset + done);
        int count = (int) Math.min(length - done, WINDOW - at);
        window(offset + done).get(at, target, start + done, count);
        done += count;
      }
      // What was read must be older than the look at whether it is mapped still.
      VarHandle.loadLoadFence();
    } catch (InternalError e) {
      throw busError(offset, e);
    }
  }

  @Override
  protected void copyIn(long offset, byte[] source, int start, int length) {
    try {
      for (int done = 0; done < length; ) {
        int at = inWindow(offset + done);
        int count = (int) Math.min(length - done, WINDOW - at);
        window(offset + done).put(at, source, start + done, count);
        done += count;
      }
    } catch (InternalError e) {
      throw busError(offset, e);
    } catch (ReadOnlyBufferException e) {
      throw readOnly(offset, e);
    }
  }

  @Override
  protected void set(long offset, long length, byte value) {
    try {
      for (long at = offset; at < offset + length; at++) {
        window(at).put(inWindow(at), value);
      }
    } catch (InternalError e) {
      throw busError(offset, e);
    } catch (ReadOnlyBufferException e) {
      throw readOnly(offset, e);
    }
  }

  private VfioException readOnly(long offset, ReadOnlyBufferException cause) {
    return VfioException.failed(Reason.INVALID_ARGUMENT, "write")
        .on("at offset " + Units.hex(offset) + " of " + this)
        .fact("it was mapped for reading only")
        .cause(cause)
        .build();
  }

  /**
   * The JVM turns SIGBUS in such an access into an {@link InternalError}: at once where it
   * interprets or copies (JDK 25), later where it compiled, see {@link MappedMemory}. So the access
   * that is in hand when it comes is not always the one that failed.
   */
  private VfioException busError(long offset, InternalError cause) {
    return VfioException.failed(Reason.DEVICE_FAULT, "access")
        .on("at offset " + Units.hex(offset) + " of " + this)
        .fact(
            "the memory did not answer this access, or one shortly before (SIGBUS): memory decoding is"
                + " off, or the device is in reset or gone")
        .hint("set the memory bit of the PCI command register, wait for the end of the reset")
        .cause(cause)
        .build();
  }

  /** Gives the address range back; must not refer to the memory object. */
  private record AddressRange(Libc libc, long address, long size) implements Runnable {
    @Override
    public void run() {
      libc.munmap(address, size);
    }
  }
}
