// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.vfio4j.testkit.device.PciFunction.Bar;
import org.vfio4j.testkit.device.PciFunction.Space;

/**
 * A device whose base address registers are memory: what is written is read back, in any width.
 *
 * <p>As it is, a memory card; as a start for a model of one's own, registers without a mind.
 */
public final class RamModel implements DeviceModel {
  private final PciFunction function;
  private final ByteBuffer[] bars = new ByteBuffer[PciFunction.BARS];

  /** With one BAR of {@code size} bytes, a power of two: BAR 0, of memory. */
  public RamModel(int size) {
    this(PciFunction.of(0x1af4, 0x10f0).classCode(0x050000).bar(0, size, Space.MEMORY));
  }

  /** With memory in each BAR of {@code function}; less than 2 GiB in each. */
  public RamModel(PciFunction function) {
    this.function = function;
    for (int i = 0; i < bars.length; i++) {
      Bar bar = function.bar(i);
      if (bar != null) {
        bars[i] = ByteBuffer.allocate(Math.toIntExact(bar.size())).order(ByteOrder.LITTLE_ENDIAN);
      }
    }
  }

  @Override
  public PciFunction function() {
    return function;
  }

  @Override
  public void connect(DeviceBus bus) {}

  @Override
  public long read(int bar, long offset, int width) {
    ByteBuffer memory = bars[bar];
    int at = (int) offset;
    return switch (width) {
      case Byte.BYTES -> memory.get(at);
      case Short.BYTES -> memory.getShort(at);
      case Integer.BYTES -> memory.getInt(at);
      default -> memory.getLong(at);
    };
  }

  @Override
  public void write(int bar, long offset, int width, long value) {
    ByteBuffer memory = bars[bar];
    int at = (int) offset;
    switch (width) {
      case Byte.BYTES -> memory.put(at, (byte) value);
      case Short.BYTES -> memory.putShort(at, (short) value);
      case Integer.BYTES -> memory.putInt(at, (int) value);
      default -> memory.putLong(at, value);
    }
  }

  @Override
  public void reset() {
    // Memory keeps what it has.
  }
}
