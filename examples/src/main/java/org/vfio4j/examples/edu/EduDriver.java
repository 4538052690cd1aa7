// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.examples.edu;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Duration;
import java.util.Objects;
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
  private static final int DMA_START = 1;
  private static final int DMA_FROM_DEVICE = 2;
  private static final int DMA_INTERRUPT_WHEN_DONE = 4;
  private static final long DEVICE_BUFFER = 0x40000;

  private static final Duration PATIENCE = Duration.ofSeconds(10);

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

  /** Sends less than 4096 bytes to the device and fetches them into another part of the memory. */
  public byte[] thereAndBack(DmaSpace space, byte[] bytes) {
    int half = 4096; // as much as the device has
    Objects.checkIndex(bytes.length, half);
    try (DmaBuffer buffer = space.allocate(2L * half)) { // zeroed, given back only after its unmap
      buffer.memory().write(0, bytes, 0, bytes.length);
      dma(buffer.iova(), DEVICE_BUFFER, bytes.length, 0);
      dma(DEVICE_BUFFER, buffer.iova() + half, bytes.length, DMA_FROM_DEVICE);
      byte[] back = new byte[bytes.length];
      buffer.memory().read(half, back, 0, back.length);
      return back;
    }
  }

  /** As {@link #thereAndBack(DmaSpace, byte[])}, of text. */
  public String thereAndBack(DmaSpace space, String text) {
    return new String(thereAndBack(space, text.getBytes(UTF_8)), UTF_8);
  }

  private void dma(long source, long destination, int count, int direction) {
    registers.putLongLe(DMA_SOURCE, source);
    registers.putLongLe(DMA_DESTINATION, destination);
    registers.putLongLe(DMA_COUNT, count);
    registers.putLongLe(DMA_COMMAND, DMA_START | direction | DMA_INTERRUPT_WHEN_DONE);
    awaitInterrupt();
  }

  private void awaitInterrupt() {
    if (msi.await(0, PATIENCE) == 0) {
      throw new IllegalStateException("the device sent no interrupt within " + PATIENCE);
    }
    registers.putIntLe(INTERRUPT_ACKNOWLEDGE, registers.getIntLe(INTERRUPT_STATUS));
  }

  @Override
  public void close() {
    try (registers) {
      msi.close();
    }
  }
}
