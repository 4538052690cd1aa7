// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct vfio_eeh_pe_err}: an error to inject, inside the operation. Linux 4.1. */
public final class VfioEehPeErr extends Struct {
  public static final int SIZEOF = 24;
  public static final int TYPE = 0;
  public static final int FUNC = 4;
  public static final int ADDR = 8;
  public static final int MASK = 16;

  public VfioEehPeErr() {
    super(SIZEOF);
  }

  public int type() {
    return getInt(TYPE);
  }

  public VfioEehPeErr type(int value) {
    putInt(TYPE, value);
    return this;
  }

  public int func() {
    return getInt(FUNC);
  }

  public VfioEehPeErr func(int value) {
    putInt(FUNC, value);
    return this;
  }

  public long addr() {
    return getLong(ADDR);
  }

  public VfioEehPeErr addr(long value) {
    putLong(ADDR, value);
    return this;
  }

  public long mask() {
    return getLong(MASK);
  }

  public VfioEehPeErr mask(long value) {
    putLong(MASK, value);
    return this;
  }
}
