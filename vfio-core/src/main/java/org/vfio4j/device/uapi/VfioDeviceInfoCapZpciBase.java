// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/**
 * {@code struct vfio_device_info_cap_zpci_base}: a function of s390. Version 2 has {@code fh}.
 * Linux 5.11.
 */
public final class VfioDeviceInfoCapZpciBase extends Struct {
  public static final int SIZEOF = 40;
  public static final int START_DMA = 8;
  public static final int END_DMA = 16;
  public static final int PCHID = 24;
  public static final int VFN = 26;
  public static final int FMB_LENGTH = 28;
  public static final int PFT = 30;
  public static final int GID = 31;
  public static final int FH = 32;

  public VfioDeviceInfoCapZpciBase() {
    super(SIZEOF);
  }

  public long startDma() {
    return getLong(START_DMA);
  }

  public VfioDeviceInfoCapZpciBase startDma(long value) {
    putLong(START_DMA, value);
    return this;
  }

  public long endDma() {
    return getLong(END_DMA);
  }

  public VfioDeviceInfoCapZpciBase endDma(long value) {
    putLong(END_DMA, value);
    return this;
  }

  public short pchid() {
    return getShort(PCHID);
  }

  public VfioDeviceInfoCapZpciBase pchid(short value) {
    putShort(PCHID, value);
    return this;
  }

  public short vfn() {
    return getShort(VFN);
  }

  public VfioDeviceInfoCapZpciBase vfn(short value) {
    putShort(VFN, value);
    return this;
  }

  public short fmbLength() {
    return getShort(FMB_LENGTH);
  }

  public VfioDeviceInfoCapZpciBase fmbLength(short value) {
    putShort(FMB_LENGTH, value);
    return this;
  }

  public byte pft() {
    return getByte(PFT);
  }

  public VfioDeviceInfoCapZpciBase pft(byte value) {
    putByte(PFT, value);
    return this;
  }

  public byte gid() {
    return getByte(GID);
  }

  public VfioDeviceInfoCapZpciBase gid(byte value) {
    putByte(GID, value);
    return this;
  }

  public int fh() {
    return getInt(FH);
  }

  public VfioDeviceInfoCapZpciBase fh(int value) {
    putInt(FH, value);
    return this;
  }
}
