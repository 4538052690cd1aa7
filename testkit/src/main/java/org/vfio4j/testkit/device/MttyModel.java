// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

import static org.vfio4j.device.uapi.VfioDeviceUapi.*;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.vfio4j.Errno;
import org.vfio4j.dma.IovaRange;

/**
 * A PCI card with one serial port or two, each of which receives what it sends.
 *
 * <p>Made by {@link MttyDriver}. It can be interrupted with INTx and MSI, and does no DMA. What it
 * can be told is kept when it is closed. Source: {@code samples/vfio-mdev/mtty.c}.
 */
public final class MttyModel implements MediatedModel, Migratable, DmaLogger {
  private static final int INDEX_SHIFT = 40;

  /** What handle_bar_write() and its like keep of an offset. */
  private static final int OFFSETS = 0xffff;

  private static final int CONFIG_SIZE = 0xff;
  private static final int BAR_SIZE = 8;
  private static final int REGIONS = 9;
  private static final int IRQS = 5;

  private static final int INTERRUPT_LINE = 0x3c;
  private static final int BAR_0 = 0x10;
  private static final int BAR_1 = 0x14;
  private static final int BAR_2 = 0x18;
  private static final int BAR_4 = 0x20;
  private static final int IO_BAR = 1;
  private static final int BAR_FLAGS = 3;

  /** {@code struct mtty_data} of the driver, up to the ports. */
  private static final int HEADER = 24;

  private static final long MAGIC = 0x7e9d09898c3e2c4eL;
  private static final int MAJOR_VERSION = 1;
  private static final int MINOR_VERSION = 0;

  private final int ports;
  private final String uuid;
  private final Runnable whenRemoved;
  private final SerialPort[] serial = {
    new SerialPort(this::interrupt), new SerialPort(this::interrupt)
  };

  /** With room for a read of the last byte that is wider than it. */
  private final ByteBuffer config =
      ByteBuffer.allocate(CONFIG_SIZE + 1).order(ByteOrder.LITTLE_ENDIAN);

  private MediatedBus bus;

  MttyModel(int ports, String uuid, Runnable whenRemoved) {
    this.ports = ports;
    this.uuid = uuid;
    this.whenRemoved = whenRemoved;
    config.putInt(0x00, 0x32534348);
    config.putShort(0x04, (short) 0x0001);
    config.putShort(0x06, (short) 0x0200);
    // Revision, and the class: a serial controller that is compatible with the 16550.
    config.putInt(0x08, 0x07000210);
    config.putInt(BAR_0, IO_BAR);
    if (ports == 2) {
      config.putInt(BAR_1, IO_BAR);
    }
    config.putInt(0x2c, 0x32534348);
    config.put(0x3d, (byte) 1);
    for (int vendorSpecific : new int[] {0x40, 0x44, 0x48, 0x4c}) {
      config.put(vendorSpecific, (byte) 0x23);
    }
    config.put(0x43, (byte) 0x80);
    byte[] name = {'P', 'C', 'I', ' ', 'S', 'e', 'r', 'i', 'a', 'l', '/', 'U', 'A', 'R', 'T'};
    config.put(0x60, name);
  }

  @Override
  public void connect(MediatedBus mediatedBus) {
    this.bus = mediatedBus;
  }

  private void interrupt() {
    bus.interrupt();
  }

  @Override
  public int regions() {
    return REGIONS;
  }

  @Override
  public Optional<MediatedRegion> region(int index) {
    if (index >= REGIONS) {
      return Optional.empty();
    }
    int size =
        switch (index) {
          case VFIO_PCI_CONFIG_REGION_INDEX -> CONFIG_SIZE;
          case 0 -> BAR_SIZE;
          case 1 -> ports == 2 ? BAR_SIZE : 0;
          default -> 0;
        };
    int flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
    return Optional.of(new MediatedRegion((long) index << INDEX_SHIFT, size, flags));
  }

  @Override
  public int irqs() {
    return IRQS;
  }

  @Override
  public Optional<MediatedIrq> irq(int index) {
    return switch (index) {
      case VFIO_PCI_INTX_IRQ_INDEX ->
          Optional.of(
              new MediatedIrq(
                  1, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED));
      case VFIO_PCI_MSI_IRQ_INDEX ->
          Optional.of(new MediatedIrq(1, VFIO_IRQ_INFO_EVENTFD | VFIO_IRQ_INFO_NORESIZE));
      default -> Optional.empty();
    };
  }

  /** Whatever the size of the region: registers that are not there read as 0 and take no write. */
  @Override
  public boolean reaches(long position, int width) {
    int index = (int) (position >>> INDEX_SHIFT);
    return index < PciFunction.BARS || index == VFIO_PCI_CONFIG_REGION_INDEX;
  }

  @Override
  public long read(long position, int width) {
    int index = (int) (position >>> INDEX_SHIFT);
    long offset = position & ((1L << INDEX_SHIFT) - 1);
    if (index == VFIO_PCI_CONFIG_REGION_INDEX) {
      long value = 0;
      for (int i = width - 1; i >= 0; i--) {
        long at = offset + i;
        value = (value << Byte.SIZE) | (at < CONFIG_SIZE ? config.get((int) at) & 0xff : 0);
      }
      return value;
    }
    // A wider read is one of the first register.
    return index < serial.length ? serial[index].read((int) offset & OFFSETS) : 0;
  }

  @Override
  public void write(long position, int width, long value) {
    int index = (int) (position >>> INDEX_SHIFT);
    int offset = (int) position & OFFSETS;
    if (index == VFIO_PCI_CONFIG_REGION_INDEX) {
      writeConfig(offset, (int) value);
    } else if (index < serial.length) {
      serial[index].write(offset, (int) value & 0xff);
    }
  }

  private void writeConfig(int offset, int value) {
    switch (offset) {
      case INTERRUPT_LINE -> config.put(offset, (byte) value);
      case BAR_0, BAR_1 -> {
        boolean there = offset == BAR_0 || ports == 2;
        int address = value == -1 ? -BAR_SIZE : value;
        config.putInt(offset, there ? address | (config.getInt(offset) & BAR_FLAGS) : 0);
      }
      case BAR_2, BAR_2 + Integer.BYTES, BAR_4 -> config.putInt(offset, 0);
      default -> {
        // All else is read-only.
      }
    }
  }

  @Override
  public void removed() {
    whenRemoved.run();
  }

  @Override
  public Map<String, MediatedAttribute> attributes() {
    return Map.of(
        "vendor/sample_mdev_dev", MediatedAttribute.of(() -> "This is MDEV " + uuid + "\n"));
  }

  @Override
  public boolean hasP2p() {
    return true;
  }

  @Override
  public boolean hasPreCopy() {
    return true;
  }

  @Override
  public long stopCopyLength() {
    return HEADER + (long) ports * SerialPort.SIZE;
  }

  @Override
  public byte[] preCopy() {
    return ByteBuffer.allocate(HEADER)
        .order(ByteOrder.nativeOrder())
        .putLong(MAGIC)
        .putInt(MAJOR_VERSION)
        .putInt(MINOR_VERSION)
        .putInt(ports)
        .array();
  }

  @Override
  public byte[] stopCopy() {
    ByteBuffer state = ByteBuffer.allocate(ports * SerialPort.SIZE).order(ByteOrder.nativeOrder());
    for (int i = 0; i < ports; i++) {
      serial[i].save(state);
    }
    return state.array();
  }

  @Override
  public Receiver receive() {
    return new MttyReceiver();
  }

  private final class MttyReceiver implements Receiver {
    private final ByteBuffer state =
        ByteBuffer.allocate((int) stopCopyLength()).order(ByteOrder.nativeOrder());

    @Override
    public long capacity() {
      return stopCopyLength();
    }

    @Override
    public int write(byte[] data) {
      boolean hadHeader = state.position() >= HEADER;
      state.put(data);
      boolean isOurs =
          hadHeader
              || state.position() < HEADER
              || Arrays.equals(Arrays.copyOf(state.array(), HEADER), preCopy());
      return isOurs ? 0 : Errno.EFAULT.result();
    }

    @Override
    public int load() {
      if (state.hasRemaining()) {
        return Errno.EINVAL.result();
      }
      state.position(HEADER);
      for (int i = 0; i < ports; i++) {
        serial[i].load(state);
      }
      return 0;
    }
  }

  /** It does no DMA, and says so whatever is asked. */
  @Override
  public long startLogging(long pageSize, List<IovaRange> ranges) {
    return pageSize;
  }

  @Override
  public int stopLogging() {
    return 0;
  }

  @Override
  public int reportWrites(long iova, long length, Dirty dirty) {
    return 0;
  }
}
