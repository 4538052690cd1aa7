// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.lab;

import java.util.Arrays;
import org.vfio4j.bridge.AssignedDevice;
import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.VfioPci;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.dma.DmaSpace;
import org.vfio4j.dma.PageSize;
import org.vfio4j.memory.MappedMemory;

/**
 * Shows what a device really reaches, with the DMA engine of {@code edu}: each transfer takes 100
 * ms, and only the low 28 bits of an IOVA count.
 */
final class DmaProbe implements AutoCloseable {
  /** Where the probe has its own page: the last one that {@code edu} reaches. */
  static final long OWN_IOVA = 0xfff_f000L;

  private static final int SIZE = 32;
  private static final int SOURCE = 0x80;
  private static final int DESTINATION = 0x88;
  private static final int COUNT = 0x90;
  private static final int COMMAND = 0x98;
  private static final long START = 1;
  private static final long FROM_DEVICE = 2;
  private static final long DEVICE_BUFFER = 0x40000;

  private final MappedRegion registers;
  private final DmaBuffer own;
  private byte round;

  /** What the device's buffer has; null when that is not known. */
  private byte[] held;

  DmaProbe(AssignedDevice assigned) {
    this(assigned.device(), assigned.dma());
  }

  DmaProbe(VfioDevice device, DmaSpace space) {
    device.config().enableBusMaster(true);
    registers = device.region(VfioPci.BAR0).map();
    own = DmaBuffer.allocateAt(space, OWN_IOVA, SIZE, PageSize.NORMAL, DmaAccess.READ_WRITE);
  }

  /** Whether what the device writes at the IOVA arrives in the memory at this offset. */
  boolean writes(long iova, MappedMemory memory, long offset) {
    fill();
    memory.fill(offset, SIZE, (byte) 0);
    transfer(DEVICE_BUFFER, iova, FROM_DEVICE);
    byte[] found = read(memory, offset);
    if (!Arrays.equals(found, held) && !Arrays.equals(found, new byte[SIZE])) {
      throw new AssertionError("half of the transfer arrived: " + Arrays.toString(found));
    }
    return Arrays.equals(found, held);
  }

  boolean writes(DmaBuffer buffer) {
    return writes(buffer.iova(), buffer.memory(), 0);
  }

  /** Lets the device write, whatever comes of it. */
  void write(long iova) {
    fill();
    transfer(DEVICE_BUFFER, iova, FROM_DEVICE);
  }

  /** Whether the device gets, from the IOVA, what is in the memory at this offset. */
  boolean reads(long iova, MappedMemory memory, long offset) {
    byte[] sent = pattern();
    memory.write(offset, sent, 0, SIZE);
    own.memory().fill(0, SIZE, (byte) 0);
    transfer(iova, DEVICE_BUFFER, 0);
    transfer(DEVICE_BUFFER, OWN_IOVA, FROM_DEVICE);
    boolean arrived = Arrays.equals(read(own.memory(), 0), sent);
    held = arrived ? sent : null;
    return arrived;
  }

  /** What the device finds at the IOVA. */
  byte[] contents(long iova) {
    transfer(iova, DEVICE_BUFFER, 0);
    transfer(DEVICE_BUFFER, OWN_IOVA, FROM_DEVICE);
    held = null;
    return read(own.memory(), 0);
  }

  private void fill() {
    if (held == null) {
      held = pattern();
      own.memory().write(0, held, 0, SIZE);
      transfer(OWN_IOVA, DEVICE_BUFFER, 0);
    }
  }

  private byte[] pattern() {
    byte[] pattern = new byte[SIZE];
    Arrays.fill(pattern, (byte) (0xa0 + round++));
    return pattern;
  }

  private static byte[] read(MappedMemory memory, long offset) {
    byte[] bytes = new byte[SIZE];
    memory.read(offset, bytes, 0, SIZE);
    return bytes;
  }

  private void transfer(long source, long destination, long direction) {
    registers.putLongLe(SOURCE, source);
    registers.putLongLe(DESTINATION, destination);
    registers.putLongLe(COUNT, SIZE);
    registers.putLongLe(COMMAND, START | direction);
    try {
      Lab.await(() -> (registers.getLongLe(COMMAND) & START) == 0);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    if ((registers.getLongLe(COMMAND) & START) != 0) {
      throw new IllegalStateException("edu does not end its DMA");
    }
  }

  @Override
  public void close() {
    own.close();
    registers.close();
  }
}
