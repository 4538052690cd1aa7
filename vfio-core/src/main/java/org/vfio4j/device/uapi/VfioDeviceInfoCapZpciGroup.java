// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_device_info_cap_zpci_group}: the group of functions of s390. Version 2 has
 * {@code imaxstbl}. Linux 5.11.
 */
public final class VfioDeviceInfoCapZpciGroup extends Struct {
  public static final int SIZEOF = 48;
  public static final int DASM = 8;
  public static final int MSI_ADDR = 16;
  public static final int FLAGS = 24;
  public static final int MUI = 32;
  public static final int NOI = 34;
  public static final int MAXSTBL = 36;
  public static final int VERSION = 38;
  public static final int IMAXSTBL = 40;

  public VfioDeviceInfoCapZpciGroup() {
    super(SIZEOF);
  }

  public long dasm() {
    return getLong(DASM);
  }

  public VfioDeviceInfoCapZpciGroup dasm(long value) {
    putLong(DASM, value);
    return this;
  }

  public long msiAddr() {
    return getLong(MSI_ADDR);
  }

  public VfioDeviceInfoCapZpciGroup msiAddr(long value) {
    putLong(MSI_ADDR, value);
    return this;
  }

  public long flags() {
    return getLong(FLAGS);
  }

  public VfioDeviceInfoCapZpciGroup flags(long value) {
    putLong(FLAGS, value);
    return this;
  }

  public short mui() {
    return getShort(MUI);
  }

  public VfioDeviceInfoCapZpciGroup mui(short value) {
    putShort(MUI, value);
    return this;
  }

  public short noi() {
    return getShort(NOI);
  }

  public VfioDeviceInfoCapZpciGroup noi(short value) {
    putShort(NOI, value);
    return this;
  }

  public short maxstbl() {
    return getShort(MAXSTBL);
  }

  public VfioDeviceInfoCapZpciGroup maxstbl(short value) {
    putShort(MAXSTBL, value);
    return this;
  }

  public byte version() {
    return getByte(VERSION);
  }

  public VfioDeviceInfoCapZpciGroup version(byte value) {
    putByte(VERSION, value);
    return this;
  }

  public short imaxstbl() {
    return getShort(IMAXSTBL);
  }

  public VfioDeviceInfoCapZpciGroup imaxstbl(short value) {
    putShort(IMAXSTBL, value);
    return this;
  }
}
