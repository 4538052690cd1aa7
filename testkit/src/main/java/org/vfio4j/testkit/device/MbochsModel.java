// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

import static org.vfio4j.device.uapi.VfioDeviceUapi.*;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.vfio4j.Errno;
import org.vfio4j.device.uapi.VfioRegionGfxEdid;
import org.vfio4j.linux.Result;

/**
 * A display adapter that can be told its resolution, made by {@link MbochsDriver}.
 *
 * <p>Its picture is a dma-buf, which shows nothing here. What its user writes as the EDID of the
 * monitor is kept, and read in the registers while the monitor is there. Source: {@code
 * samples/vfio-mdev/mbochs.c}.
 */
public final class MbochsModel extends DisplayModel implements Graphical {
  private static final int IDS = 0x1111_1234;
  private static final int EDID_REGION = 9;
  private static final int REGIONS = EDID_REGION + 1;
  private static final int BAR_0 = 0x10;
  private static final int BAR_2 = 0x18;
  private static final int EDID = 2 * PAGE;
  private static final int EDID_BLOB = EDID + PAGE / 2;
  private static final int MEMORY = 3 * PAGE;
  private static final int REGISTERS = PAGE;
  private static final int DISPI = REGISTERS + 0x500;
  private static final int DISPI_REGISTERS = 11;
  private static final int DISPI_ID5 = 0xb0c5;
  private static final int DISPI_MEMORY = 10;
  private static final int EDID_BLOB_SIZE = 0x400;
  private static final int UNIT = 64 * 1024;

  private static final int FORMAT_XRGB8888 = 0x3432_5258;
  private static final int PRIMARY = 1;
  private static final int X_RESOLUTION = 1;
  private static final int Y_RESOLUTION = 2;
  private static final int BITS_PER_PIXEL = 3;
  private static final int ENABLE = 4;
  private static final int VIRTUAL_WIDTH = 6;
  private static final int X_OFFSET = 8;
  private static final int Y_OFFSET = 9;
  private static final int LEAST = 64;

  /** {@code struct vfio_region_info_ext}. */
  private static final int REGION_INFO = 48;

  /** The pictures that were asked for since the device was opened, by their numbers. */
  private final Map<Integer, Mode> dmaBufs = new TreeMap<>();

  /** No number comes twice. */
  private int nextDmaBuf = 1;

  private record Mode(int width, int height, int stride, long offset) {}

  private final ByteBuffer edid =
      ByteBuffer.allocate(VfioRegionGfxEdid.SIZEOF).order(ByteOrder.LITTLE_ENDIAN);

  private final ByteBuffer edidBlob = ByteBuffer.allocate(EDID_BLOB_SIZE);
  private final short[] dispi = new short[DISPI_REGISTERS];

  /** {@code width} and {@code height}: the largest picture, for the EDID; 0 for no limit. */
  MbochsModel(int mebibytes, int width, int height, Runnable whenRemoved) {
    super(
        IDS,
        mebibytes << 20,
        Map.of("vendor/memory", MediatedAttribute.of(() -> mebibytes + " MB\n")),
        whenRemoved);
    edid.putInt(VfioRegionGfxEdid.EDID_OFFSET, EDID_BLOB - EDID);
    edid.putInt(VfioRegionGfxEdid.EDID_MAX_SIZE, EDID_BLOB_SIZE);
    edid.putInt(VfioRegionGfxEdid.MAX_XRES, width);
    edid.putInt(VfioRegionGfxEdid.MAX_YRES, height);
    reset();
  }

  @Override
  public void reset() {
    for (int i = 0; i < DISPI_REGISTERS; i++) {
      dispi[i] = 0;
    }
    dispi[0] = (short) DISPI_ID5;
    dispi[DISPI_MEMORY] = (short) (memory().capacity() / UNIT);
  }

  @Override
  public boolean showsDmaBufs() {
    return true;
  }

  @Override
  public Result<Picture> picture(int plane) {
    Mode mode = plane == PRIMARY ? mode() : null;
    if (mode == null) {
      return Result.of(Picture.NONE);
    }
    for (Map.Entry<Integer, Mode> made : dmaBufs.entrySet()) {
      if (made.getValue().equals(mode)) {
        int size = mode.stride() * mode.height();
        return Result.of(
            new Picture(
                FORMAT_XRGB8888,
                0,
                mode.width(),
                mode.height(),
                mode.stride(),
                size,
                made.getKey()));
      }
    }
    // The driver makes the dma-buf, and forgets to look at it: the next question gets it.
    dmaBufs.put(nextDmaBuf++, mode);
    return Result.failed(Errno.ENOMEM);
  }

  @Override
  public int dmaBuf(int id) {
    Mode mode = dmaBufs.get(id);
    if (mode == null) {
      return Errno.ENOENT.result();
    }
    return mode.offset() % PAGE == 0 ? 0 : Errno.EINVAL.result();
  }

  /** mbochs_close_device(). The mode, and what was said of the monitor, stay. */
  @Override
  public void closed() {
    dmaBufs.clear();
    Arrays.fill(memory().array(), (byte) 0);
  }

  @Override
  public boolean countsIrqsWhenAsked() {
    return false;
  }

  @Override
  public int regionInfoLimit() {
    return REGION_INFO;
  }

  /** Null while there is none that can be shown. */
  private Mode mode() {
    int width = unsigned(X_RESOLUTION);
    int height = unsigned(Y_RESOLUTION);
    int stride = Math.max(unsigned(VIRTUAL_WIDTH), width) * Integer.BYTES;
    long offset = (long) unsigned(X_OFFSET) * Integer.BYTES + (long) unsigned(Y_OFFSET) * stride;
    boolean shown =
        (dispi[ENABLE] & 1) != 0
            && dispi[BITS_PER_PIXEL] == Integer.SIZE
            && width >= LEAST
            && height >= LEAST
            && offset + (long) stride * height <= memory().capacity();
    return shown ? new Mode(width, height, stride, offset) : null;
  }

  private int unsigned(int register) {
    return Short.toUnsignedInt(dispi[register]);
  }

  @Override
  public int regions() {
    return REGIONS;
  }

  @Override
  public Optional<MediatedRegion> region(int index) {
    return switch (index) {
      case VFIO_PCI_CONFIG_REGION_INDEX -> configRegion();
      case VFIO_PCI_BAR0_REGION_INDEX -> memoryRegion(MEMORY);
      case VFIO_PCI_BAR2_REGION_INDEX ->
          Optional.of(
              new MediatedRegion(
                  PAGE, PAGE, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE));
      case EDID_REGION ->
          Optional.of(
              new MediatedRegion(
                      EDID, PAGE, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE)
                  .ofType(VFIO_REGION_TYPE_GFX, VFIO_REGION_SUBTYPE_GFX_EDID));
      default -> index < REGIONS ? Optional.of(new MediatedRegion(0, 0, 0)) : Optional.empty();
    };
  }

  @Override
  public boolean reaches(long position, int width) {
    return position < CONFIG_SIZE
        || (position >= PAGE && position + width <= 2 * PAGE)
        || (position >= EDID && position + width <= EDID + PAGE)
        || (position >= MEMORY && position + width <= MEMORY + memory().capacity());
  }

  private static boolean isDispi(long position, int width) {
    return width == Short.BYTES
        && position >= DISPI
        && position < DISPI + Short.BYTES * DISPI_REGISTERS;
  }

  private static boolean isEdidRegister(long position, int width) {
    return width == Integer.BYTES
        && position >= EDID
        && position % Integer.BYTES == 0
        && position + width <= EDID + VfioRegionGfxEdid.SIZEOF;
  }

  private static boolean isEdidBlob(long position, int width) {
    return position >= EDID_BLOB && position + width <= EDID_BLOB + EDID_BLOB_SIZE;
  }

  /** The guest reads the EDID in the registers while the monitor is there. */
  private boolean isMonitor(long position) {
    int offset = (int) position - REGISTERS;
    return offset >= 0
        && offset < EDID_BLOB_SIZE
        && Integer.compareUnsigned(offset, edid.getInt(VfioRegionGfxEdid.EDID_SIZE)) < 0
        && edid.getInt(VfioRegionGfxEdid.LINK_STATE) == VFIO_DEVICE_GFX_LINK_STATE_UP;
  }

  /** mdev_access() takes the start of the registers from a position in the memory. */
  private static int memoryAt(long position) {
    return (int) position - REGISTERS;
  }

  /** What is two pages behind the last positions is not the driver's, and not to be foretold. */
  private boolean isMemory(long position) {
    return memoryAt(position) < memory().capacity();
  }

  @Override
  public long read(long position, int width) {
    if (position < CONFIG_SIZE) {
      return readConfig(position, width);
    }
    if (position >= MEMORY) {
      return isMemory(position) ? value(memory(), memoryAt(position), width) : 0;
    }
    if (isMonitor(position)) {
      return value(edidBlob, (int) position - REGISTERS, width);
    }
    if (isEdidRegister(position, width)) {
      return value(edid, (int) position - EDID, width);
    }
    if (isEdidBlob(position, width)) {
      return value(edidBlob, (int) position - EDID_BLOB, width);
    }
    return isDispi(position, width) ? dispi[(int) (position - DISPI) / Short.BYTES] : 0;
  }

  @Override
  public void write(long position, int width, long value) {
    if (position == BAR_0) {
      writeBar(BAR_0, memory().capacity(), value);
    } else if (position == BAR_2) {
      writeBar(BAR_2, PAGE, value);
    } else if (position >= MEMORY) {
      if (isMemory(position)) {
        put(memory(), memoryAt(position), width, value);
      }
    } else if (isEdidRegister(position, width)) {
      int register = (int) position - EDID;
      if (register == VfioRegionGfxEdid.LINK_STATE || register == VfioRegionGfxEdid.EDID_SIZE) {
        edid.putInt(register, (int) value);
      }
    } else if (isEdidBlob(position, width)) {
      put(edidBlob, (int) position - EDID_BLOB, width, value);
    } else if (isDispi(position, width)) {
      dispi[(int) (position - DISPI) / Short.BYTES] = (short) value;
    }
  }
}
