// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.concurrent.atomic.AtomicLong;
import org.vfio4j.Units;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.linux.Linux;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.testkit.kernel.UserMemory.Pin;
import org.vfio4j.testkit.machine.Held;

/** A mapping of a BAR: every access reaches the device model, in its width. */
final class DeviceMemory extends MappedMemory {
  /** Addresses that no process has: there is no memory behind them. */
  private static final AtomicLong NEXT_ADDRESS = new AtomicLong(0x7f00_0000_0000_0000L);

  /** What is behind a mapping. */
  interface Registers {
    /** Whether memory is decoded: an access is SIGBUS on the real kernel otherwise. */
    boolean isAnswering();

    long load(int region, long offset, int width);

    void store(int region, long offset, int width, long value);
  }

  private final Core core;
  private final Registers device;
  private final OpenFile file;
  private final int bar;
  private final long start;
  private final boolean writable;
  private final long address;

  DeviceMemory(
      Core core,
      Registers device,
      OpenFile file,
      int bar,
      long start,
      long size,
      int protection,
      String name) {
    super(size, "BAR " + bar + " of " + name);
    this.core = core;
    this.device = device;
    this.file = file;
    this.bar = bar;
    this.start = start;
    this.writable = (protection & Linux.PROT_WRITE) != 0;
    this.address = NEXT_ADDRESS.getAndAdd((size + UserMemory.PAGE - 1) & -UserMemory.PAGE);
    file.hold();
  }

  @Override
  public long address() {
    return address;
  }

  OpenFile file() {
    return file;
  }

  void unmap() {
    if (markUnmapped()) {
      core.deviceMappings().remove(this);
      core.origins().given(this, Held.Kind.MAPPING, toString());
      file.drop();
    }
  }

  /**
   * What another device reaches when this is mapped for it: the registers, also when the process
   * has unmapped them.
   *
   * @param from an address of this mapping
   * @return null where the process could not access it, which the kernel tries first
   */
  Pin pin(long from, boolean write) {
    return device.isAnswering() && (writable || !write) ? new Registered(from - address) : null;
  }

  private final class Registered implements Pin {
    private final long base;

    Registered(long base) {
      this.base = base;
    }

    @Override
    public void read(long offset, byte[] target, int at, int length) {
      for (int i = 0; i < length; i++) {
        target[at + i] = (byte) device.load(bar, start + base + offset + i, Byte.BYTES);
      }
    }

    @Override
    public void write(long offset, byte[] source, int at, int length) {
      for (int i = 0; i < length; i++) {
        long value = Byte.toUnsignedLong(source[at + i]);
        device.store(bar, start + base + offset + i, Byte.BYTES, value);
      }
    }

    @Override
    public Pin from(long offset) {
      return new Registered(base + offset);
    }

    @Override
    public void release() {
      // Nothing is held: a device that is gone answers nothing.
    }

    @Override
    public boolean isMemory() {
      return false;
    }
  }

  private long load(long offset, int width) {
    core.gate().enter();
    try {
      if (isUnmapped()) {
        // The caller finds out, too.
        return 0;
      }
      checkAnswers(offset);
      return device.load(bar, start + offset, width);
    } finally {
      core.gate().leave();
    }
  }

  private void store(long offset, int width, long value) {
    core.gate().enter();
    try {
      if (isUnmapped()) {
        return;
      }
      if (!writable) {
        throw VfioException.failed(Reason.INVALID_ARGUMENT, "write")
            .on("at offset " + Units.hex(offset) + " of " + this)
            .fact("it was mapped for reading only")
            .build();
      }
      checkAnswers(offset);
      device.store(bar, start + offset, width, value);
    } finally {
      core.gate().leave();
    }
  }

  /** What is SIGBUS on the real kernel. */
  private void checkAnswers(long offset) {
    if (!device.isAnswering()) {
      throw VfioException.failed(Reason.DEVICE_FAULT, "access")
          .on("at offset " + Units.hex(offset) + " of " + this)
          .fact("memory decoding is off (SIGBUS on a real kernel)")
          .hint("set the memory bit of the PCI command register")
          .build();
    }
  }

  @Override
  protected byte load8(long offset) {
    return (byte) load(offset, Byte.BYTES);
  }

  @Override
  protected short load16(long offset) {
    return (short) load(offset, Short.BYTES);
  }

  @Override
  protected int load32(long offset) {
    return (int) load(offset, Integer.BYTES);
  }

  @Override
  protected long load64(long offset) {
    return load(offset, Long.BYTES);
  }

  @Override
  protected void store8(long offset, byte value) {
    store(offset, Byte.BYTES, Byte.toUnsignedLong(value));
  }

  @Override
  protected void store16(long offset, short value) {
    store(offset, Short.BYTES, Short.toUnsignedLong(value));
  }

  @Override
  protected void store32(long offset, int value) {
    store(offset, Integer.BYTES, Integer.toUnsignedLong(value));
  }

  @Override
  protected void store64(long offset, long value) {
    store(offset, Long.BYTES, value);
  }

  @Override
  protected void copyOut(long offset, byte[] target, int at, int length) {
    for (int done = 0; done < length; ) {
      int width = width(offset + done, length - done);
      long value = load(offset + done, width);
      for (int i = 0; i < width; i++) {
        target[at + done + i] = (byte) (value >>> (Byte.SIZE * i));
      }
      done += width;
    }
  }

  @Override
  protected void copyIn(long offset, byte[] source, int at, int length) {
    for (int done = 0; done < length; ) {
      int width = width(offset + done, length - done);
      long value = 0;
      for (int i = width - 1; i >= 0; i--) {
        value = (value << Byte.SIZE) | (source[at + done + i] & 0xff);
      }
      store(offset + done, width, value);
      done += width;
    }
  }

  @Override
  protected void set(long offset, long length, byte value) {
    for (long done = 0; done < length; done++) {
      store(offset + done, Byte.BYTES, Byte.toUnsignedLong(value));
    }
  }

  private static int width(long offset, int left) {
    return left >= Integer.BYTES && offset % Integer.BYTES == 0 ? Integer.BYTES : Byte.BYTES;
  }
}
