// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct vfio_iova_range}: an element of the iova range capability. */
public final class VfioIovaRange extends Struct {
  public static final int SIZEOF = 16;
  public static final int START = 0;
  public static final int END = 8;

  public VfioIovaRange() {
    super(SIZEOF);
  }

  public long start() {
    return getLong(START);
  }

  public VfioIovaRange start(long value) {
    putLong(START, value);
    return this;
  }

  public long end() {
    return getLong(END);
  }

  public VfioIovaRange end(long value) {
    putLong(END, value);
    return this;
  }
}
