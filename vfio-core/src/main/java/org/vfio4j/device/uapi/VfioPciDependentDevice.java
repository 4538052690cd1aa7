// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct vfio_pci_dependent_device}: a function that a hot reset affects. */
public final class VfioPciDependentDevice extends Struct {
  public static final int SIZEOF = 8;
  public static final int GROUP_ID = 0;
  public static final int DEVID = 0;
  public static final int SEGMENT = 4;
  public static final int BUS = 6;
  public static final int DEVFN = 7;

  public VfioPciDependentDevice() {
    super(SIZEOF);
  }

  public int groupId() {
    return getInt(GROUP_ID);
  }

  public VfioPciDependentDevice groupId(int value) {
    putInt(GROUP_ID, value);
    return this;
  }

  public int devid() {
    return getInt(DEVID);
  }

  public VfioPciDependentDevice devid(int value) {
    putInt(DEVID, value);
    return this;
  }

  public short segment() {
    return getShort(SEGMENT);
  }

  public VfioPciDependentDevice segment(short value) {
    putShort(SEGMENT, value);
    return this;
  }

  public byte bus() {
    return getByte(BUS);
  }

  public VfioPciDependentDevice bus(byte value) {
    putByte(BUS, value);
    return this;
  }

  public byte devfn() {
    return getByte(DEVFN);
  }

  public VfioPciDependentDevice devfn(byte value) {
    putByte(DEVFN, value);
    return this;
  }
}
