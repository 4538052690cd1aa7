// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

import static org.vfio4j.device.uapi.VfioDeviceUapi.*;

import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import org.vfio4j.linux.Result;

/**
 * A display with four bytes per pixel, made by {@link MdpyDriver}.
 *
 * <p>Its image is in region 0, and in region 16 too. Reads and writes through the file reach the
 * first bytes of the image, wherever they are: so it is in Linux, and the image is for mapping. It
 * shows from black to white, top to bottom, until somebody draws. Source: {@code
 * samples/vfio-mdev/mdpy.c}.
 */
public final class MdpyModel extends DisplayModel implements Graphical {
  private static final int IDS = 0x000f_1b36;
  private static final int REGIONS = 9;
  private static final int DISPLAY_REGION = 16;
  private static final int BAR_0 = 0x10;
  private static final int VENDOR_CAPABILITY = 0x40;
  private static final int FORMAT_XRGB8888 = 0x3432_5258;
  private static final int WHITE = 255;

  private final int width;
  private final int height;

  MdpyModel(int width, int height) {
    super(IDS, memorySize(width, height), attributes(width, height), () -> {});
    this.width = width;
    this.height = height;
    // A list of capabilities, with one of the vendor's own.
    config().putShort(0x06, (short) 0x0010);
    config().put(0x34, (byte) VENDOR_CAPABILITY);
    config().putInt(VENDOR_CAPABILITY, 0x0010_0009);
    config().putInt(VENDOR_CAPABILITY + 4, FORMAT_XRGB8888);
    config().putInt(VENDOR_CAPABILITY + 8, width);
    config().putInt(VENDOR_CAPABILITY + 12, height);
    reset();
  }

  private static int memorySize(int width, int height) {
    return Integer.highestOneBit(width * height * Integer.BYTES - 1) << 1;
  }

  private static Map<String, MediatedAttribute> attributes(int width, int height) {
    return Map.of("vendor/resolution", MediatedAttribute.of(() -> width + "x" + height + "\n"));
  }

  @Override
  public void reset() {
    int stride = width * Integer.BYTES;
    byte[] line = new byte[stride];
    for (int y = 0; y < height; y++) {
      Arrays.fill(line, (byte) (y * WHITE / height));
      memory().put(y * stride, line);
    }
  }

  @Override
  public boolean showsDmaBufs() {
    return false;
  }

  /** Whichever plane is asked for. */
  @Override
  public Result<Picture> picture(int plane) {
    int stride = width * Integer.BYTES;
    int size = memory().capacity();
    return Result.of(new Picture(FORMAT_XRGB8888, 0, width, height, stride, size, DISPLAY_REGION));
  }

  @Override
  public int regions() {
    return REGIONS;
  }

  @Override
  public Optional<MediatedRegion> region(int index) {
    return switch (index) {
      case VFIO_PCI_CONFIG_REGION_INDEX -> configRegion();
      case VFIO_PCI_BAR0_REGION_INDEX, DISPLAY_REGION -> memoryRegion(PAGE);
      default -> index < REGIONS ? Optional.of(new MediatedRegion(0, 0, 0)) : Optional.empty();
    };
  }

  @Override
  public boolean reaches(long position, int length) {
    return position < CONFIG_SIZE
        || (position >= PAGE && position + length <= PAGE + memory().capacity());
  }

  @Override
  public long read(long position, int bytes) {
    return position < PAGE ? readConfig(position, bytes) : value(memory(), 0, bytes);
  }

  @Override
  public void write(long position, int bytes, long value) {
    if (position >= PAGE) {
      put(memory(), 0, bytes, value);
    } else if (position == BAR_0) {
      writeBar(BAR_0, memory().capacity(), value);
    }
  }
}
