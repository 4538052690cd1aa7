// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

/**
 * {@code edu} of QEMU: identifies itself, computes factorials, copies memory, and interrupts.
 *
 * <p>Everything is done when the access that starts it returns; QEMU takes 100 ms for a transfer.
 *
 * <p>Source: {@code docs/specs/edu.rst} and {@code hw/misc/edu.c} of QEMU.
 */
public final class EduModel implements DeviceModel {
  /** Where the device has its buffer, in its own address space. */
  public static final long BUFFER = 0x40000;

  /** In bytes. */
  public static final int BUFFER_SIZE = 4096;

  private static final PciFunction FUNCTION =
      PciFunction.of(0x1234, 0x11e8)
          .classCode(0x00ff00)
          .revision(0x10)
          .subsystem(0x1af4, 0x1100)
          .bar(0, 1 << 20, PciFunction.Space.MEMORY)
          .interruptPin()
          .msi(1);

  private static final int IDENTITY = 0x010000ed;
  private static final long NOTHING = -1;
  private static final long LOW_32 = 0xffff_ffffL;

  private static final int STATUS_INTERRUPT_WHEN_DONE = 0x80;
  private static final int FACTORIAL_INTERRUPT = 0x001;
  private static final int DMA_INTERRUPT = 0x100;
  private static final long DMA_RUN = 1;
  private static final long DMA_FROM_DEVICE = 2;
  private static final long DMA_INTERRUPT_WHEN_DONE = 4;

  /** Registers below this one are 32 bits wide, those from it on 32 or 64. */
  private static final long FIRST_WIDE = 0x80;

  private final long dmaMask;
  private final byte[] buffer = new byte[BUFFER_SIZE];
  private DeviceBus bus;
  private int liveness;
  private int factorial;
  private int status;
  private int interrupts;
  private long source;
  private long destination;
  private long count;
  private long command;

  /** With a DMA engine that has 28 address bits, as QEMU makes it unless told otherwise. */
  public EduModel() {
    this(28);
  }

  /**
   * {@code dma_mask} of QEMU.
   *
   * @param addressBits of the DMA engine, 1 to 64; the bits of an IOVA above them are ignored
   */
  public EduModel(int addressBits) {
    this.dmaMask = addressBits == Long.SIZE ? -1 : (1L << addressBits) - 1;
  }

  @Override
  public PciFunction function() {
    return FUNCTION;
  }

  @Override
  public void connect(DeviceBus deviceBus) {
    this.bus = deviceBus;
  }

  @Override
  public long read(int bar, long offset, int width) {
    if (width < Integer.BYTES) {
      return 0;
    }
    if (offset < FIRST_WIDE && width != Integer.BYTES) {
      return NOTHING;
    }
    return switch ((int) offset) {
      case 0x00 -> IDENTITY;
      case 0x04 -> liveness;
      case 0x08 -> factorial;
      case 0x20 -> status;
      case 0x24 -> interrupts;
      case 0x80 -> source;
      case 0x88 -> destination;
      case 0x90 -> count;
      case 0x98 -> command;
      default -> NOTHING;
    };
  }

  @Override
  public void write(int bar, long offset, int width, long value) {
    if (width < Integer.BYTES || (offset < FIRST_WIDE && width != Integer.BYTES)) {
      return;
    }
    switch ((int) offset) {
      case 0x04 -> liveness = ~(int) value;
      case 0x08 -> compute((int) value);
      case 0x20 -> status = (int) value & STATUS_INTERRUPT_WHEN_DONE;
      case 0x60 -> raise((int) value);
      case 0x64 -> acknowledge((int) value);
      case 0x80 -> source = value;
      case 0x88 -> destination = value;
      case 0x90 -> count = value;
      case 0x98 -> {
        if ((value & DMA_RUN) != 0) {
          command = value;
          transfer();
        }
      }
      default -> {}
    }
  }

  @Override
  public void reset() {
    // QEMU's edu has no reset handler: it stays as it is.
  }

  private void compute(int n) {
    int product = 1;
    // From 34 on it is 0, as 32 bits see it.
    for (long factor = n & LOW_32; factor > 0 && product != 0; factor--) {
      product *= (int) factor;
    }
    factorial = product;
    if ((status & STATUS_INTERRUPT_WHEN_DONE) != 0) {
      raise(FACTORIAL_INTERRUPT);
    }
  }

  private void raise(int bits) {
    interrupts |= bits;
    if (interrupts == 0) {
      return;
    }
    if (bus.isMessageSignalled()) {
      bus.message(0);
    } else {
      bus.line(true);
    }
  }

  private void acknowledge(int bits) {
    interrupts &= ~bits;
    if (interrupts == 0 && !bus.isMessageSignalled()) {
      bus.line(false);
    }
  }

  private void transfer() {
    command &= ~DMA_RUN;
    if ((command & DMA_FROM_DEVICE) == 0) {
      int at = checkedOffset(destination);
      bus.readMemory(source & dmaMask, buffer, at, (int) count);
    } else {
      int at = checkedOffset(source);
      bus.writeMemory(destination & dmaMask, buffer, at, (int) count);
    }
    if ((command & DMA_INTERRUPT_WHEN_DONE) != 0) {
      raise(DMA_INTERRUPT);
    }
  }

  private int checkedOffset(long address) {
    if (address < BUFFER
        || count < 0
        || count > BUFFER_SIZE
        || address - BUFFER > BUFFER_SIZE - count) {
      throw new IllegalStateException(
          String.format(
              "edu: a transfer of %d bytes at device address %#x leaves the buffer, which has %d"
                  + " bytes at %#x (QEMU ends the machine here)",
              count, address, BUFFER_SIZE, BUFFER));
    }
    return (int) (address - BUFFER);
  }
}
