// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import org.vfio4j.Units;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

/**
 * The configuration space of a PCI function, as VFIO lets it be seen: some bits are virtual, some
 * writes are dropped (BAR addresses, the MSI registers, what would harm the host).
 *
 * <p>Every access is one system call. Offsets are in bytes and must be a multiple of the width;
 * values are unsigned. Errors are those of {@link Region}.
 *
 * <p>Thread safe. Register numbers are those of {@code linux/pci_regs.h}. Source: {@code
 * drivers/vfio/pci/vfio_pci_config.c}.
 */
public final class PciConfigSpace {
  /** Bits of the command register. */
  public static final int PCI_COMMAND_IO = 0x1;

  public static final int PCI_COMMAND_MEMORY = 0x2;
  public static final int PCI_COMMAND_MASTER = 0x4;
  public static final int PCI_COMMAND_INTX_DISABLE = 0x400;

  /** Ids of capabilities. */
  public static final int PCI_CAP_ID_PM = 0x01;

  public static final int PCI_CAP_ID_MSI = 0x05;
  public static final int PCI_CAP_ID_VNDR = 0x09;
  public static final int PCI_CAP_ID_EXP = 0x10;
  public static final int PCI_CAP_ID_MSIX = 0x11;

  /** Ids of extended capabilities. */
  public static final int PCI_EXT_CAP_ID_ERR = 0x01;

  public static final int PCI_EXT_CAP_ID_DSN = 0x03;
  public static final int PCI_EXT_CAP_ID_SRIOV = 0x10;

  private static final int PCI_VENDOR_ID = 0x00;
  private static final int PCI_DEVICE_ID = 0x02;
  private static final int PCI_COMMAND = 0x04;
  private static final int PCI_STATUS = 0x06;
  private static final int PCI_STATUS_CAP_LIST = 0x10;
  private static final int PCI_REVISION_ID = 0x08;
  private static final int PCI_SUBSYSTEM_VENDOR_ID = 0x2c;
  private static final int PCI_SUBSYSTEM_ID = 0x2e;
  private static final int PCI_CAPABILITY_LIST = 0x34;
  private static final int PCI_STD_HEADER_SIZEOF = 0x40;
  private static final int PCI_CFG_SPACE_SIZE = 0x100;

  private static final int DWORD = 4;
  private static final int NOTHING_THERE = -1;

  private final Region region;
  private final Object lock;

  PciConfigSpace(Region region, Object lock) {
    this.region = region;
    this.lock = lock;
  }

  /**
   * A capability of the function.
   *
   * @param id {@code PCI_CAP_ID_} or, of an extended one, {@code PCI_EXT_CAP_ID_}
   * @param offset of its first byte in the configuration space
   * @param version of an extended one; 0 of a standard one, which has none
   */
  public record Capability(int id, int offset, int version) {
    @Override
    public String toString() {
      return Units.hex(id) + " at " + Units.hex(offset);
    }
  }

  /** In bytes: 256, or 4096 for PCI Express and PCI-X 2.0. */
  public int size() {
    return (int) Math.min(Integer.MAX_VALUE, region.size());
  }

  public int read8(int offset) {
    return Byte.toUnsignedInt(region.getByte(offset));
  }

  public int read16(int offset) {
    return Short.toUnsignedInt(region.getShortLe(offset));
  }

  /** All 32 bits: negative for values from 0x80000000 on. */
  public int read32(int offset) {
    return region.getIntLe(offset);
  }

  /** Writes the low 8 bits of {@code value}. */
  public void write8(int offset, int value) {
    region.putByte(offset, (byte) value);
  }

  /** Writes the low 16 bits of {@code value}. */
  public void write16(int offset, int value) {
    region.putShortLe(offset, (short) value);
  }

  public void write32(int offset, int value) {
    region.putIntLe(offset, value);
  }

  /** 0x8086 is Intel. */
  public int vendorId() {
    return read16(PCI_VENDOR_ID);
  }

  public int deviceId() {
    return read16(PCI_DEVICE_ID);
  }

  public int subsystemVendorId() {
    return read16(PCI_SUBSYSTEM_VENDOR_ID);
  }

  public int subsystemId() {
    return read16(PCI_SUBSYSTEM_ID);
  }

  public int revision() {
    return read8(PCI_REVISION_ID);
  }

  /** Base class, subclass and programming interface: 0x010802 is an NVMe controller. */
  public int classCode() {
    return read32(PCI_REVISION_ID) >>> 8;
  }

  /** The command register: {@code PCI_COMMAND_} bits. */
  public int command() {
    return read16(PCI_COMMAND);
  }

  /**
   * Whether the function answers at its memory addresses. VFIO switches it on when it opens the
   * device; while it is off, reads of a mapped BAR fail.
   */
  public void enableMemory(boolean on) {
    changeCommand(PCI_COMMAND_MEMORY, on);
  }

  public boolean isMemoryEnabled() {
    return (command() & PCI_COMMAND_MEMORY) != 0;
  }

  /**
   * Whether the function may write and read memory by itself, which DMA, MSI and MSI-X are. VFIO
   * switches it off when it opens the device.
   */
  public void enableBusMaster(boolean on) {
    changeCommand(PCI_COMMAND_MASTER, on);
  }

  public boolean isBusMasterEnabled() {
    return (command() & PCI_COMMAND_MASTER) != 0;
  }

  /** Sets or clears bits of the command register, and leaves the others as they are. */
  public void changeCommand(int bits, boolean on) {
    // One lock per device, so that no thread undoes what another one has just set.
    synchronized (lock) {
      int before = command();
      int after = on ? before | bits : before & ~bits;
      if (after != before) {
        write16(PCI_COMMAND, after);
      }
    }
  }

  /**
   * The standard capabilities, in the order of the chain.
   *
   * @throws VfioException ({@link Reason#DEVICE_FAULT} when the chain leaves its place or loops)
   */
  public List<Capability> capabilities() {
    List<Capability> found = new ArrayList<>();
    if ((read16(PCI_STATUS) & PCI_STATUS_CAP_LIST) == 0) {
      return found;
    }
    BitSet seen = new BitSet(PCI_CFG_SPACE_SIZE);
    int end = Math.min(size(), PCI_CFG_SPACE_SIZE);
    for (int at = aligned(read8(PCI_CAPABILITY_LIST)); at != 0; ) {
      check(found, seen, at, PCI_STD_HEADER_SIZEOF, end);
      int header = read16(at);
      found.add(new Capability(header & 0xff, at, 0));
      at = aligned(header >>> 8);
    }
    return found;
  }

  /**
   * The extended capabilities, in the order of the chain; none where the configuration space has
   * 256 bytes. One that VFIO hides does not appear.
   *
   * @throws VfioException ({@link Reason#DEVICE_FAULT} when the chain leaves its place or loops)
   */
  public List<Capability> extendedCapabilities() {
    List<Capability> found = new ArrayList<>();
    BitSet seen = new BitSet();
    int at = size() > PCI_CFG_SPACE_SIZE ? PCI_CFG_SPACE_SIZE : 0;
    while (at != 0) {
      check(found, seen, at, PCI_CFG_SPACE_SIZE, size());
      int header = read32(at);
      if (header == NOTHING_THERE && found.isEmpty()) {
        break;
      }
      int id = header & 0xffff;
      // VFIO hides the first one by taking its id away.
      if (id != 0) {
        found.add(new Capability(id, at, header >>> 16 & 0xf));
      }
      at = aligned(header >>> 20);
    }
    return found;
  }

  /** The first standard capability with this id. */
  public Optional<Capability> findCapability(int id) {
    return capabilities().stream().filter(capability -> capability.id() == id).findFirst();
  }

  /** The first extended capability with this id. */
  public Optional<Capability> findExtendedCapability(int id) {
    return extendedCapabilities().stream().filter(capability -> capability.id() == id).findFirst();
  }

  /** Each offset at most once, and in its place: so every walk ends. */
  private void check(List<Capability> found, BitSet seen, int at, int least, int end) {
    boolean inside = at >= least && at <= end - DWORD;
    if (!inside || seen.get(at)) {
      throw VfioException.failed(Reason.DEVICE_FAULT, "capability walk")
          .on("of " + region)
          .fact(
              "after "
                  + found
                  + " the chain goes to "
                  + Units.hex(at)
                  + (inside ? ", where it was before" : ", where no capability can be"))
          .hint("all bits set in the vendor id would mean that the device is gone")
          .build();
    }
    seen.set(at);
  }

  /** The two low bits are reserved. */
  private static int aligned(int pointer) {
    return pointer & ~(DWORD - 1);
  }

  @Override
  public String toString() {
    return region.toString();
  }
}
