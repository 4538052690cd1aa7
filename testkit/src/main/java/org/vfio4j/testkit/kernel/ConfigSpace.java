// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import org.vfio4j.testkit.device.PciFunction;
import org.vfio4j.testkit.device.PciFunction.Bar;
import org.vfio4j.testkit.device.PciFunction.Space;

/** The configuration space of a function, as the hardware has it. */
final class ConfigSpace {
  static final int VENDOR_ID = 0x00;
  static final int DEVICE_ID = 0x02;
  static final int COMMAND = 0x04;
  static final int STATUS = 0x06;
  static final int REVISION = 0x08;
  static final int CACHE_LINE_SIZE = 0x0c;
  static final int LATENCY_TIMER = 0x0d;
  static final int HEADER_TYPE = 0x0e;
  static final int BIST = 0x0f;
  static final int BAR_0 = 0x10;
  static final int SUBSYSTEM_VENDOR = 0x2c;
  static final int SUBSYSTEM = 0x2e;
  static final int ROM = 0x30;
  static final int CAPABILITIES = 0x34;
  static final int INTERRUPT_LINE = 0x3c;
  static final int INTERRUPT_PIN = 0x3d;
  static final int HEADER_SIZE = 0x40;

  static final int COMMAND_IO = 0x1;
  static final int COMMAND_MEMORY = 0x2;
  static final int COMMAND_MASTER = 0x4;
  static final int COMMAND_SERR = 0x100;
  static final int COMMAND_INTX_DISABLE = 0x400;
  static final int STATUS_INTERRUPT = 0x8;
  static final int STATUS_CAPABILITIES = 0x10;

  static final int CAP_PM = 0x01;
  static final int CAP_MSI = 0x05;
  static final int CAP_EXPRESS = 0x10;
  static final int CAP_MSIX = 0x11;
  static final int EXPRESS_CONTROL = 0x08;
  static final int EXPRESS_CONTROL_2 = 0x28;
  static final int MSI_FLAGS = 2;
  static final int MSI_64BIT = 0x80;
  static final int MSI_ENABLE = 0x1;
  static final int MSIX_ENABLE = 0x8000;
  private static final int PM_SIZE = 8;
  private static final int MSI_64BIT_SIZE = 14;
  private static final int MSIX_SIZE = 12;
  private static final int EXPRESS_SIZE = 0x3c;

  private static final int SIZE = 256;
  private static final int EXPRESS_CONFIG_SIZE = 4096;

  private final PciFunction function;
  private final ByteBuffer bytes;
  private final ByteBuffer writable;
  private int msi;
  private int msix;
  private int express;

  ConfigSpace(PciFunction function, int barAddress) {
    this.function = function;
    int size = function.isExpress() ? EXPRESS_CONFIG_SIZE : SIZE;
    bytes = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    writable = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    header();
    bars(barAddress);
    capabilities();
  }

  private void header() {
    bytes.putShort(VENDOR_ID, (short) function.vendor());
    bytes.putShort(DEVICE_ID, (short) function.device());
    bytes.putInt(REVISION, (function.classCode() << 8) | function.revision());
    bytes.put(HEADER_TYPE, (byte) (function.isBridge() ? 1 : 0));
    if (!function.isBridge()) {
      bytes.putShort(SUBSYSTEM_VENDOR, (short) function.subsystemVendor());
      bytes.putShort(SUBSYSTEM, (short) function.subsystem());
    }
    bytes.put(INTERRUPT_PIN, (byte) (function.hasInterruptPin() ? 1 : 0));
    bytes.put(INTERRUPT_LINE, (byte) (function.hasInterruptPin() ? 10 : 0));
    writable.putShort(
        COMMAND,
        (short)
            (COMMAND_IO | COMMAND_MEMORY | COMMAND_MASTER | COMMAND_SERR | COMMAND_INTX_DISABLE));
    writable.put(CACHE_LINE_SIZE, (byte) 0xff);
    writable.put(INTERRUPT_LINE, (byte) 0xff);
  }

  /** As firmware leaves them: each at an address of its own, decoded. */
  private void bars(int firstAddress) {
    setCommand(COMMAND_IO | COMMAND_SERR, true);
    int address = firstAddress;
    int port = 0xc000;
    for (int i = 0; i < PciFunction.BARS; i++) {
      Bar bar = function.bar(i);
      if (bar == null) {
        continue;
      }
      int register = BAR_0 + Integer.BYTES * i;
      if (bar.space() == Space.IO) {
        bytes.putInt(register, port | flags(bar));
        port += (int) bar.size();
        setCommand(COMMAND_IO, true);
      } else {
        address = (int) ((address + bar.size() - 1) & -bar.size());
        bytes.putInt(register, address | flags(bar));
        address += (int) bar.size();
        setCommand(COMMAND_MEMORY, true);
      }
      writable.putInt(register, (int) -bar.size());
      if (bar.space() == Space.MEMORY_64) {
        writable.putInt(register + Integer.BYTES, (int) (-bar.size() >>> Integer.SIZE));
      }
    }
  }

  static int flags(Bar bar) {
    return switch (bar.space()) {
      case IO -> 1;
      case MEMORY -> 0;
      case MEMORY_64 -> 4;
    };
  }

  private void capabilities() {
    int at = HEADER_SIZE;
    int link = CAPABILITIES;
    if (function.hasPowerManagement()) {
      link = capability(link, at, CAP_PM);
      bytes.putShort(at + 2, (short) 3);
      // No reset on the way from D3 to D0.
      bytes.putInt(at + 4, 8);
      at += PM_SIZE;
    }
    if (function.msiVectors() > 0) {
      msi = at;
      int log = Integer.numberOfTrailingZeros(function.msiVectors());
      link = capability(link, at, CAP_MSI);
      bytes.putShort(at + MSI_FLAGS, (short) (MSI_64BIT | (log << 1)));
      writable.putShort(at + MSI_FLAGS, (short) (MSI_ENABLE | (7 << 4)));
      writable.putInt(at + 4, -4);
      writable.putInt(at + 8, -1);
      writable.putShort(at + 12, (short) -1);
      at += MSI_64BIT_SIZE + 2;
    }
    if (function.msixVectors() > 0) {
      msix = at;
      link = capability(link, at, CAP_MSIX);
      bytes.putShort(at + MSI_FLAGS, (short) (function.msixVectors() - 1));
      bytes.putInt(at + 4, (int) function.msixTable() | function.msixBar());
      bytes.putInt(at + 8, (int) function.msixPending() | function.msixBar());
      writable.putShort(at + MSI_FLAGS, (short) (MSIX_ENABLE | 0x4000));
      at += MSIX_SIZE;
    }
    if (function.isExpress()) {
      express = at;
      capability(link, at, CAP_EXPRESS);
      // Version 2, an endpoint integrated into the root complex.
      bytes.putShort(at + 2, (short) 0x92);
      bytes.putInt(at + 4, function.isResettable() ? 1 << 28 : 0);
    }
    if (bytes.get(CAPABILITIES) != 0) {
      bytes.putShort(STATUS, (short) STATUS_CAPABILITIES);
    }
  }

  private int capability(int link, int at, int id) {
    bytes.put(link, (byte) at);
    bytes.put(at, (byte) id);
    return at + 1;
  }

  int size() {
    return bytes.capacity();
  }

  /** Where the capability is; 0 where there is none. */
  int msi() {
    return msi;
  }

  int msix() {
    return msix;
  }

  int express() {
    return express;
  }

  /** In bytes, of the capability with this id; 0 of one that is not known. */
  static int capabilitySize(int id) {
    return switch (id) {
      case CAP_PM -> PM_SIZE;
      case CAP_MSI -> MSI_64BIT_SIZE;
      case CAP_MSIX -> MSIX_SIZE;
      case CAP_EXPRESS -> EXPRESS_SIZE;
      default -> 0;
    };
  }

  byte getByte(int offset) {
    return bytes.get(offset);
  }

  int getShort(int offset) {
    return Short.toUnsignedInt(bytes.getShort(offset));
  }

  int getInt(int offset) {
    return bytes.getInt(offset);
  }

  byte[] content() {
    return bytes.array().clone();
  }

  /** A write by software: only bits that can be written change. */
  void write(int offset, byte value) {
    byte mask = writable.get(offset);
    bytes.put(offset, (byte) ((bytes.get(offset) & ~mask) | (value & mask)));
  }

  boolean command(int bit) {
    return (getShort(COMMAND) & bit) != 0;
  }

  void setCommand(int bit, boolean on) {
    setBits(COMMAND, bit, on);
  }

  /** The function is gone: all bits read as 1. */
  void vanish() {
    Arrays.fill(bytes.array(), (byte) -1);
    Arrays.fill(writable.array(), (byte) 0);
  }

  /** By the hardware, or the host's kernel. */
  void setBits(int offset, int bits, boolean on) {
    int before = getShort(offset);
    bytes.putShort(offset, (short) (on ? before | bits : before & ~bits));
  }
}
