// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

import static org.vfio4j.device.uapi.VfioDeviceUapi.*;

import java.util.Map;
import java.util.Optional;

/**
 * A display adapter that can be told its resolution, made by {@link MbochsDriver}.
 *
 * <p>Without what the kernel's has beside it: the EDID block, and the image as a dma-buf. Source:
 * {@code samples/vfio-mdev/mbochs.c}.
 */
public final class MbochsModel extends DisplayModel {
  private static final int IDS = 0x1111_1234;
  private static final int REGIONS = 9;
  private static final int BAR_0 = 0x10;
  private static final int BAR_2 = 0x18;
  private static final int MEMORY = 3 * PAGE;
  private static final int DISPI = PAGE + 0x500;
  private static final int DISPI_REGISTERS = 11;
  private static final int DISPI_ID5 = 0xb0c5;
  private static final int DISPI_MEMORY = 10;
  private static final int UNIT = 64 * 1024;

  private final short[] dispi = new short[DISPI_REGISTERS];

  MbochsModel(int mebibytes, Runnable whenRemoved) {
    super(
        IDS,
        mebibytes << 20,
        Map.of("vendor/memory", MediatedAttribute.of(() -> mebibytes + " MB\n")),
        whenRemoved);
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
      default -> index < REGIONS ? Optional.of(new MediatedRegion(0, 0, 0)) : Optional.empty();
    };
  }

  @Override
  public boolean reaches(long position, int width) {
    return position < CONFIG_SIZE
        || (position >= PAGE && position + width <= 2 * PAGE)
        || (position >= MEMORY && position + width <= MEMORY + memory().capacity());
  }

  private static boolean isDispi(long position, int width) {
    return width == Short.BYTES
        && position >= DISPI
        && position < DISPI + Short.BYTES * DISPI_REGISTERS;
  }

  @Override
  public long read(long position, int width) {
    if (position < CONFIG_SIZE) {
      return readConfig(position, width);
    }
    if (position >= MEMORY) {
      return value(memory(), (int) position - MEMORY, width);
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
      put(memory(), (int) position - MEMORY, width, value);
    } else if (isDispi(position, width)) {
      dispi[(int) (position - DISPI) / Short.BYTES] = (short) value;
    }
  }
}
