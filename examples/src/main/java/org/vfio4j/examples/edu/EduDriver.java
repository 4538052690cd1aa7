// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.examples.edu;

import java.time.Duration;
import org.vfio4j.device.Interrupts;
import org.vfio4j.device.MappedRegion;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.device.VfioPci;
import org.vfio4j.dma.DmaBuffer;
import org.vfio4j.dma.DmaSpace;

/**
 * A driver for the {@code edu} device of QEMU, which computes factorials and copies memory.
 *
 * <p>It knows nothing of the way in which the device was opened. What the registers mean is in
 * QEMU's {@code docs/specs/edu.rst}.
 */
public final class EduDriver implements AutoCloseable {
  private static final int IDENTIFICATION = 0x00;
  private static final int FACTORIAL = 0x08;
  private static final int STATUS = 0x20;
  private static final int INTERRUPT_STATUS = 0x24;
  private static final int INTERRUPT_ACKNOWLEDGE = 0x64;
  private static final int DMA_SOURCE = 0x80;
  private static final int DMA_DESTINATION = 0x88;
  private static final int DMA_COUNT = 0x90;
  private static final int DMA_COMMAND = 0x98;

  private static final int STATUS_INTERRUPT_WHEN_DONE = 0x80;
  private static final int DMA_START_AND_INTERRUPT_WHEN_DONE = 1 | 4;
  private static final int DMA_FROM_DEVICE = 2;
  private static final long DEVICE_BUFFER = 0x40000;

  private final MappedRegion registers;
  private final Interrupts msi;

  public EduDriver(VfioDevice device) {
    device.config().enableBusMaster(true); // or the device can neither do DMA nor send MSI
    registers = device.region(VfioPci.BAR0).map();
    try {
      msi = device.interrupts(VfioPci.MSI).enable(1);
    } catch (RuntimeException e) {
      registers.close(); // or the device would stay open for it
      throw e;
    }
  }

  public int identification() {
    return registers.getIntLe(IDENTIFICATION);
  }

  /** n!, as far as it fits into 32 bits; the device says by MSI when it is done. */
  public int factorial(int n) {
    registers.putIntLe(STATUS, STATUS_INTERRUPT_WHEN_DONE);
    registers.putIntLe(FACTORIAL, n);
    awaitInterrupt();
    return registers.getIntLe(FACTORIAL);
  }

  /** Sends less than 4096 bytes to the device, and fetches them into another part of the memory. */
  public byte[] thereAndBack(DmaSpace space, byte[] sent) {
    try (DmaBuffer buffer = space.allocate(8192)) { // zeroed, mapped, kept until it is unmapped
      buffer.memory().write(0, sent, 0, sent.length);
      dma(buffer.iova(), DEVICE_BUFFER, sent.length, 0);
      dma(DEVICE_BUFFER, buffer.iova() + 4096, sent.length, DMA_FROM_DEVICE);
      byte[] fetched = new byte[sent.length];
      buffer.memory().read(4096, fetched, 0, fetched.length);
      return fetched;
    }
  }

  private void dma(long source, long destination, int count, int direction) {
    registers.putLongLe(DMA_SOURCE, source);
    registers.putLongLe(DMA_DESTINATION, destination);
    registers.putLongLe(DMA_COUNT, count);
    registers.putLongLe(DMA_COMMAND, DMA_START_AND_INTERRUPT_WHEN_DONE | direction);
    awaitInterrupt();
  }

  private void awaitInterrupt() {
    if (msi.await(0, Duration.ofSeconds(10)) == 0) {
      throw new IllegalStateException("the device sent no interrupt within 10 s");
    }
    registers.putIntLe(INTERRUPT_ACKNOWLEDGE, registers.getIntLe(INTERRUPT_STATUS));
  }

  @Override
  public void close() {
    try (registers) { // closed whatever becomes of the interrupts
      msi.close();
    }
  }
}
