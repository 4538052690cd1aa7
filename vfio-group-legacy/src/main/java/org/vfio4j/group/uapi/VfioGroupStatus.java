// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct vfio_group_status}: the argument of VFIO_GROUP_GET_STATUS. */
public final class VfioGroupStatus extends Struct {
  public static final int SIZEOF = 8;
  public static final int ARGSZ = 0;
  public static final int FLAGS = 4;

  public VfioGroupStatus() {
    super(SIZEOF);
    putInt(ARGSZ, SIZEOF);
  }

  public int argsz() {
    return getInt(ARGSZ);
  }

  public VfioGroupStatus argsz(int value) {
    putInt(ARGSZ, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioGroupStatus flags(int value) {
    putInt(FLAGS, value);
    return this;
  }
}
