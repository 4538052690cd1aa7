// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct vfio_info_cap_header}: the head of each capability in an info chain. */
public final class VfioInfoCapHeader extends Struct {
  public static final int SIZEOF = 8;
  public static final int ID = 0;
  public static final int VERSION = 2;
  public static final int NEXT = 4;

  public VfioInfoCapHeader() {
    super(SIZEOF);
  }

  public short id() {
    return getShort(ID);
  }

  public VfioInfoCapHeader id(short value) {
    putShort(ID, value);
    return this;
  }

  public short version() {
    return getShort(VERSION);
  }

  public VfioInfoCapHeader version(short value) {
    putShort(VERSION, value);
    return this;
  }

  public int next() {
    return getInt(NEXT);
  }

  public VfioInfoCapHeader next(int value) {
    putInt(NEXT, value);
    return this;
  }
}
