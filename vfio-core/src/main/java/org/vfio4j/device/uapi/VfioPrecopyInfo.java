// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct vfio_precopy_info}: the argument of VFIO_MIG_GET_PRECOPY_INFO. Linux 6.2. */
public final class VfioPrecopyInfo extends Struct {
  public static final int SIZEOF = 24;
  public static final int ARGSZ = 0;
  public static final int FLAGS = 4;
  public static final int INITIAL_BYTES = 8;
  public static final int DIRTY_BYTES = 16;

  public VfioPrecopyInfo() {
    super(SIZEOF);
    putInt(ARGSZ, SIZEOF);
  }

  public int argsz() {
    return getInt(ARGSZ);
  }

  public VfioPrecopyInfo argsz(int value) {
    putInt(ARGSZ, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioPrecopyInfo flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public long initialBytes() {
    return getLong(INITIAL_BYTES);
  }

  public VfioPrecopyInfo initialBytes(long value) {
    putLong(INITIAL_BYTES, value);
    return this;
  }

  public long dirtyBytes() {
    return getLong(DIRTY_BYTES);
  }

  public VfioPrecopyInfo dirtyBytes(long value) {
    putLong(DIRTY_BYTES, value);
    return this;
  }
}
