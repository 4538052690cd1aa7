// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.device;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;

/**
 * What a PCI function says of itself in its configuration space.
 *
 * <p>Made by {@link #of}, then described by the other methods, each of which returns this object.
 * Not to be changed once its device is in a machine.
 */
public final class PciFunction {
  /** How many base address registers a function has. */
  public static final int BARS = 6;

  private static final long PAGE = 4096;

  private final int vendor;
  private final int device;
  private final Bar[] bars = new Bar[BARS];
  private int classCode;
  private int revision;
  private int subsystemVendor;
  private int subsystem;
  private boolean interruptPin;
  private boolean express;
  private boolean bridge;
  private boolean resettable;
  private int completedAtomics;
  private boolean powerManagement;
  private int virtualFunctions;
  private IntFunction<? extends DeviceModel> virtualFunction;
  private int msiVectors;
  private int msixVectors;
  private int msixBar;
  private long msixTable;
  private long msixPending;

  private PciFunction(int vendor, int device) {
    this.vendor = vendor;
    this.device = device;
  }

  /** A function with these ids and nothing else. */
  public static PciFunction of(int vendor, int device) {
    return new PciFunction(vendor, device);
  }

  /** How a base address register is decoded. */
  public enum Space {
    MEMORY,
    /** Takes this register and the next one. */
    MEMORY_64,
    IO
  }

  /**
   * A base address register.
   *
   * @param size in bytes, a power of two
   */
  public record Bar(long size, Space space) {
    public Bar {
      if (Long.bitCount(size) != 1) {
        throw new IllegalArgumentException("the size of a BAR is a power of two, not " + size);
      }
    }
  }

  /** Base class, subclass and programming interface: 0x010802 is an NVMe controller. */
  public PciFunction classCode(int code) {
    classCode = code;
    return this;
  }

  public PciFunction revision(int number) {
    revision = number;
    return this;
  }

  public PciFunction subsystem(int vendorId, int id) {
    subsystemVendor = vendorId;
    subsystem = id;
    return this;
  }

  /** Adds BAR {@code index}, with {@code size} bytes. */
  public PciFunction bar(int index, long size, Space space) {
    bars[index] = new Bar(size, space);
    return this;
  }

  /** It has an interrupt line: INTx. */
  public PciFunction interruptPin() {
    interruptPin = true;
    return this;
  }

  /** It is a PCI Express function, with 4096 bytes of configuration space. */
  public PciFunction express() {
    express = true;
    return this;
  }

  /** It is a PCI-to-PCI bridge, which VFIO does not take. */
  public PciFunction bridge() {
    bridge = true;
    classCode = 0x060400;
    return this;
  }

  /**
   * It completes atomic operations: {@code VFIO_PCI_ATOMIC_COMP32}, {@code _COMP64} and {@code
   * _COMP128}. VFIO tells of those that both the function and the root port in front of it do.
   */
  public PciFunction completesAtomics(int widths) {
    completedAtomics = widths;
    return this;
  }

  /** {@code VFIO_PCI_ATOMIC_COMP} bits; 0 for none. */
  public int completedAtomics() {
    return completedAtomics;
  }

  /** It has a reset of its own, as function level reset is. */
  public PciFunction resettable() {
    resettable = true;
    return this;
  }

  /** Adds the power management capability; the function stays in D0. */
  public PciFunction powerManagement() {
    powerManagement = true;
    return this;
  }

  /** Adds the MSI capability. {@code vectors}: a power of two, up to 32. */
  public PciFunction msi(int vectors) {
    msiVectors = vectors;
    return this;
  }

  /**
   * Adds the MSI-X capability.
   *
   * @param vectors up to 2048
   * @param bar where the table and the pending bits are
   * @param table offset of the table in it, a multiple of 8
   * @param pending offset of the pending bits
   */
  public PciFunction msix(int vectors, int bar, long table, long pending) {
    msixVectors = vectors;
    msixBar = bar;
    msixTable = table;
    msixPending = pending;
    return this;
  }

  /**
   * Adds SR-IOV: virtual functions, which are made when a number is written to sriov_numvfs.
   *
   * @param total how many there can be
   * @param made makes the one with this number, from 0 on
   */
  public PciFunction virtualFunctions(int total, IntFunction<? extends DeviceModel> made) {
    virtualFunctions = total;
    virtualFunction = made;
    return this;
  }

  /** How many virtual functions there can be. */
  public int virtualFunctions() {
    return virtualFunctions;
  }

  /** A new virtual function: only where there can be one. */
  public DeviceModel makeVirtualFunction(int number) {
    return virtualFunction.apply(number);
  }

  public int vendor() {
    return vendor;
  }

  public int device() {
    return device;
  }

  public int classCode() {
    return classCode;
  }

  public int revision() {
    return revision;
  }

  public int subsystemVendor() {
    return subsystemVendor;
  }

  public int subsystem() {
    return subsystem;
  }

  /** Null where the function has none. */
  public Bar bar(int index) {
    return bars[index];
  }

  public boolean hasInterruptPin() {
    return interruptPin;
  }

  public boolean isExpress() {
    return express;
  }

  public boolean isBridge() {
    return bridge;
  }

  public boolean isResettable() {
    return resettable;
  }

  public boolean hasPowerManagement() {
    return powerManagement;
  }

  public int msiVectors() {
    return msiVectors;
  }

  public int msixVectors() {
    return msixVectors;
  }

  public int msixBar() {
    return msixBar;
  }

  public long msixTable() {
    return msixTable;
  }

  public long msixPending() {
    return msixPending;
  }

  /** The indexes of the BARs that can be mapped into a process: memory, a page or more. */
  public List<Integer> mappableBars() {
    List<Integer> mappable = new ArrayList<>();
    for (int i = 0; i < BARS; i++) {
      if (bars[i] != null && bars[i].space() != Space.IO && bars[i].size() >= PAGE) {
        mappable.add(i);
      }
    }
    return mappable;
  }
}
