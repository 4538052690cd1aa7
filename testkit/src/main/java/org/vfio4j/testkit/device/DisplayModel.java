// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

import static org.vfio4j.device.uapi.VfioDeviceUapi.*;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.Optional;

/**
 * What the virtual displays of the kernel's samples have in common: a configuration space at the
 * start of the file, video memory behind it that can be mapped, and no interrupts.
 */
abstract class DisplayModel implements MediatedModel {
  static final int PAGE = 4096;
  static final int CONFIG_SIZE = 0xff;

  private static final int IRQS = 5;
  private static final int BAR_0 = 0x10;
  private static final int BAR_FLAGS = 0xf;
  private static final int BAR_PREFETCHABLE = 8;

  /** With room for a read of the last byte that is wider than it. */
  private final ByteBuffer config =
      ByteBuffer.allocate(CONFIG_SIZE + Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);

  private final ByteBuffer memory;
  private final Map<String, MediatedAttribute> attributes;
  private final Runnable whenRemoved;

  DisplayModel(
      int ids, int memorySize, Map<String, MediatedAttribute> attributes, Runnable whenRemoved) {
    this.memory = ByteBuffer.allocate(memorySize).order(ByteOrder.LITTLE_ENDIAN);
    this.attributes = attributes;
    this.whenRemoved = whenRemoved;
    config.putInt(0x00, ids);
    config.putShort(0x04, (short) 3);
    config.put(0x08, (byte) 1);
    config.putShort(0x0a, (short) 0x0380);
    config.putInt(BAR_0, BAR_PREFETCHABLE);
    config.putInt(0x2c, 0x1100_1af4);
  }

  final ByteBuffer config() {
    return config;
  }

  final ByteBuffer memory() {
    return memory;
  }

  static Optional<MediatedRegion> configRegion() {
    int flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
    return Optional.of(new MediatedRegion(0, CONFIG_SIZE, flags));
  }

  final Optional<MediatedRegion> memoryRegion(long offset) {
    int flags =
        VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE | VFIO_REGION_INFO_FLAG_MMAP;
    return Optional.of(new MediatedRegion(offset, memory.capacity(), flags));
  }

  @Override
  public void connect(MediatedBus bus) {}

  @Override
  public int irqs() {
    return IRQS;
  }

  @Override
  public Optional<MediatedIrq> irq(int index) {
    return Optional.of(new MediatedIrq(0, 0));
  }

  final long readConfig(long position, int width) {
    return value(config, (int) position, width);
  }

  /** All ones ask a base address register for its size. */
  final void writeBar(int register, int size, long written) {
    int value = (int) written;
    int address = value == -1 ? -size : value & ~BAR_FLAGS;
    config.putInt(register, address | (config.getInt(register) & BAR_FLAGS));
  }

  static long value(ByteBuffer bytes, int offset, int width) {
    long value = 0;
    for (int i = width - 1; i >= 0; i--) {
      value = (value << Byte.SIZE) | (bytes.get(offset + i) & 0xff);
    }
    return value;
  }

  static void put(ByteBuffer bytes, int offset, int width, long value) {
    for (int i = 0; i < width; i++) {
      bytes.put(offset + i, (byte) (value >>> (Byte.SIZE * i)));
    }
  }

  @Override
  public Optional<ByteBuffer> memory(int region) {
    return region == VFIO_PCI_BAR0_REGION_INDEX ? Optional.of(memory) : Optional.empty();
  }

  @Override
  public void removed() {
    whenRemoved.run();
  }

  @Override
  public Map<String, MediatedAttribute> attributes() {
    return attributes;
  }
}
