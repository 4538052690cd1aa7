// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import java.lang.ref.Reference;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Objects;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.linux.EventFd;
import org.vfio4j.memory.NativeBlock;

/**
 * A region of a device: a BAR, the configuration space, or something specific to the device.
 *
 * <p>The accessors here reach it by one system call each, {@code pread} or {@code pwrite}: always
 * possible, and the only way to some regions, but some hundred times slower than through {@link
 * #map()}. Values are little-endian, as PCI has them. Offsets are in bytes from the start of the
 * region and must be a multiple of the width. vfio-pci makes one access of that width to the
 * device, but for 64 bits, which kernels before 6.10 split in two.
 *
 * <p>Every accessor throws {@link VfioException}: {@link Reason#INVALID_ARGUMENT} out of range or
 * at a wrong alignment, {@link Reason#NOT_SUPPORTED} when the region is not there, or cannot be
 * read or written, {@link Reason#DEVICE_FAULT} (EIO) when the device's memory decoding is off,
 * {@link Reason#CLOSED} when the device is closed.
 *
 * <p>Thread safe, as far as the device is. The accessors of registers allocate nothing. Source:
 * {@code drivers/vfio/pci/vfio_pci_rdwr.c}.
 */
public final class Region {
  private static final int BULK = 4096;

  private static final ThreadLocal<NativeBlock> REGISTER =
      ThreadLocal.withInitial(() -> new NativeBlock(Long.BYTES));
  private static final ThreadLocal<NativeBlock> BULK_BLOCK =
      ThreadLocal.withInitial(() -> new NativeBlock(BULK));

  private static final boolean SWAP = ByteOrder.nativeOrder() == ByteOrder.BIG_ENDIAN;

  private final VfioDevice device;
  private final String name;
  private final RegionInfo info;
  private final long readable;
  private final long writable;

  Region(VfioDevice device, String name, RegionInfo info) {
    this.device = device;
    this.name = name;
    this.info = info;
    // A region that must not be read looks empty to readers, so that one check tells all.
    readable = info.has(RegionInfo.Flag.READ) ? info.size() : 0;
    writable = info.has(RegionInfo.Flag.WRITE) ? info.size() : 0;
  }

  public VfioDevice device() {
    return device;
  }

  /** What the kernel said of the region when this object was made. */
  public RegionInfo info() {
    return info;
  }

  /** In bytes; 0 when this device does not have the region. */
  public long size() {
    return info.size();
  }

  /**
   * Maps the region into this process, as far as it can be.
   *
   * @throws VfioException ({@link Reason#NOT_SUPPORTED} when the region is not there or cannot be
   *     mapped, {@link Reason#IN_USE}: EBUSY when the host has claimed it, {@link Reason#LIMIT})
   */
  public MappedRegion map() {
    return MappedRegion.map(this);
  }

  /**
   * Has the kernel write a value to a register of the region each time that an eventfd is raised.
   * Linux 4.17.
   *
   * @param offset in bytes, a multiple of the width
   * @param width of the register: 1, 2, 4 or 8 bytes
   * @param value the low {@code width} bytes of it, in the byte order of the host's CPU
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT}: EINVAL when it is no register of a BAR,
   *     or in the table of MSI-X, {@link Reason#IN_USE}: EEXIST when there is one that writes the
   *     same there, {@link Reason#LIMIT}: ENOSPC, {@link Reason#NOT_SUPPORTED}: ENOTTY)
   */
  public IoEventFd writeOn(EventFd eventFd, long offset, int width, long value) {
    return IoEventFd.register(this, offset, width, value, eventFd);
  }

  /**
   * Makes a dma-buf of parts of the region, for another device to reach. Linux 6.19.
   *
   * @param ranges of whole pages
   * @throws VfioException ({@link Reason#NOT_SUPPORTED}: ENOTTY, EOPNOTSUPP, ENODEV for a region
   *     that is no BAR, {@link Reason#INVALID_ARGUMENT}: EINVAL, EOVERFLOW)
   */
  public DmaBuf exportDmaBuf(List<RegionInfo.Area> ranges) {
    return DmaBuf.export(this, ranges);
  }

  public byte getByte(long offset) {
    return load(offset, Byte.BYTES).getByte(0);
  }

  public short getShortLe(long offset) {
    short value = load(offset, Short.BYTES).getShort(0);
    return SWAP ? Short.reverseBytes(value) : value;
  }

  public int getIntLe(long offset) {
    int value = load(offset, Integer.BYTES).getInt(0);
    return SWAP ? Integer.reverseBytes(value) : value;
  }

  public long getLongLe(long offset) {
    long value = load(offset, Long.BYTES).getLong(0);
    return SWAP ? Long.reverseBytes(value) : value;
  }

  public void putByte(long offset, byte value) {
    NativeBlock block = REGISTER.get();
    block.putByte(0, value);
    store(offset, Byte.BYTES, block);
  }

  public void putShortLe(long offset, short value) {
    NativeBlock block = REGISTER.get();
    block.putShort(0, SWAP ? Short.reverseBytes(value) : value);
    store(offset, Short.BYTES, block);
  }

  public void putIntLe(long offset, int value) {
    NativeBlock block = REGISTER.get();
    block.putInt(0, SWAP ? Integer.reverseBytes(value) : value);
    store(offset, Integer.BYTES, block);
  }

  public void putLongLe(long offset, long value) {
    NativeBlock block = REGISTER.get();
    block.putLong(0, SWAP ? Long.reverseBytes(value) : value);
    store(offset, Long.BYTES, block);
  }

  /**
   * Reads {@code length} bytes from any {@code offset} on, in one system call; the kernel chooses
   * the widths of the accesses to the device.
   */
  public void read(long offset, byte[] target, int start, int length) {
    Objects.checkFromIndexSize(start, length, target.length);
    if (offset < 0 || offset > readable - length) {
      throw DeviceErrors.badAccess(this, false, offset, length);
    }
    NativeBlock block = bulk(length);
    transfer(false, offset, length, block);
    block.asByteBuffer().get(0, target, start, length);
  }

  /** Writes {@code length} bytes from any {@code offset} on, as {@link #read} reads. */
  public void write(long offset, byte[] source, int start, int length) {
    Objects.checkFromIndexSize(start, length, source.length);
    if (offset < 0 || offset > writable - length) {
      throw DeviceErrors.badAccess(this, true, offset, length);
    }
    NativeBlock block = bulk(length);
    block.asByteBuffer().put(0, source, start, length);
    transfer(true, offset, length, block);
  }

  private NativeBlock load(long offset, int width) {
    if (offset < 0 || offset > readable - width || (offset & (width - 1)) != 0) {
      throw DeviceErrors.badAccess(this, false, offset, width);
    }
    NativeBlock block = REGISTER.get();
    transfer(false, offset, width, block);
    return block;
  }

  private void store(long offset, int width, NativeBlock block) {
    if (offset < 0 || offset > writable - width || (offset & (width - 1)) != 0) {
      throw DeviceErrors.badAccess(this, true, offset, width);
    }
    transfer(true, offset, width, block);
  }

  private void transfer(boolean write, long offset, int length, NativeBlock block) {
    device.lifetime().enter();
    try {
      int fd = device.fdForChildren();
      long at = info.offset() + offset;
      long result =
          write
              ? device.kernel().pwrite(fd, block, length, at)
              : device.kernel().pread(fd, block, length, at);
      if (result != length) {
        throw DeviceErrors.access(this, write, offset, length, result);
      }
    } finally {
      device.lifetime().leave();
      Reference.reachabilityFence(device);
    }
  }

  private static NativeBlock bulk(int length) {
    return length <= BULK ? BULK_BLOCK.get() : new NativeBlock(length);
  }

  /** The region and its device: {@code BAR0 of 0000:00:05.0}. */
  @Override
  public String toString() {
    return name;
  }
}
