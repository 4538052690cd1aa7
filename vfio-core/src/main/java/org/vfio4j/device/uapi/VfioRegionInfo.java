// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct vfio_region_info}: the argument of VFIO_DEVICE_GET_REGION_INFO. */
public final class VfioRegionInfo extends Struct {
  public static final int SIZEOF = 32;
  public static final int ARGSZ = 0;
  public static final int FLAGS = 4;
  public static final int INDEX = 8;
  public static final int CAP_OFFSET = 12;
  public static final int SIZE = 16;
  public static final int OFFSET = 24;

  /** With room for capabilities behind the struct, in bytes. */
  public VfioRegionInfo(int bytes) {
    super(SIZEOF + bytes);
    putInt(ARGSZ, capacity());
  }

  public int argsz() {
    return getInt(ARGSZ);
  }

  public VfioRegionInfo argsz(int value) {
    putInt(ARGSZ, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioRegionInfo flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int index() {
    return getInt(INDEX);
  }

  public VfioRegionInfo index(int value) {
    putInt(INDEX, value);
    return this;
  }

  public int capOffset() {
    return getInt(CAP_OFFSET);
  }

  public VfioRegionInfo capOffset(int value) {
    putInt(CAP_OFFSET, value);
    return this;
  }

  public long size() {
    return getLong(SIZE);
  }

  public VfioRegionInfo size(long value) {
    putLong(SIZE, value);
    return this;
  }

  public long offset() {
    return getLong(OFFSET);
  }

  public VfioRegionInfo offset(long value) {
    putLong(OFFSET, value);
    return this;
  }
}
