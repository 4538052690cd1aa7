// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.List;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.testkit.kernel.UserMemory.Pin;

/**
 * Parts of a BAR, to be handed to other drivers, or to an iommufd.
 *
 * <p>Source: {@code drivers/vfio/pci/vfio_pci_dmabuf.c} of Linux 6.19.
 */
final class VfioDmaBufFile extends OpenFile {
  private final VfioPci device;
  private final int bar;
  private final List<IovaRange> ranges;
  private boolean revoked;

  VfioDmaBufFile(VfioPci device, int bar, List<IovaRange> ranges) {
    super("/dmabuf:");
    this.device = device;
    this.bar = bar;
    this.ranges = ranges;
  }

  /** The device was closed. */
  void revoke() {
    revoked = true;
  }

  /** Whether it is of nothing now: also while the device does not answer. */
  boolean isRevoked() {
    return revoked || !device.isAnswering();
  }

  List<IovaRange> ranges() {
    return ranges;
  }

  /** Of the one range that an iommufd takes, in bytes. */
  long size() {
    return ranges.get(0).last() - ranges.get(0).start() + 1;
  }

  /** What other devices reach, from {@code offset} in the first range on. */
  Pin pin(long offset) {
    hold();
    return new DmaBufPin(ranges.get(0).start() + offset);
  }

  /** Transfers from device to device, a byte at a time. */
  private final class DmaBufPin implements Pin {
    private final long base;

    DmaBufPin(long base) {
      this.base = base;
    }

    @Override
    public void read(long offset, byte[] target, int start, int length) {
      for (int i = 0; i < length; i++) {
        target[start + i] = (byte) device.load(bar, base + offset + i, Byte.BYTES);
      }
    }

    @Override
    public void write(long offset, byte[] source, int start, int length) {
      for (int i = 0; i < length; i++) {
        device.store(bar, base + offset + i, Byte.BYTES, source[start + i] & 0xff);
      }
    }

    @Override
    public Pin from(long offset) {
      hold();
      return new DmaBufPin(base + offset);
    }

    @Override
    public void release() {
      drop();
    }
  }
}
