// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct vfio_eeh_pe_op}: the argument of VFIO_EEH_PE_OP, {@code err} since Linux 4.1. */
public final class VfioEehPeOp extends Struct {
  public static final int SIZEOF = 40;
  public static final int ARGSZ = 0;
  public static final int FLAGS = 4;
  public static final int OP = 8;
  public static final int ERR = 16;

  public VfioEehPeOp() {
    super(SIZEOF);
    putInt(ARGSZ, SIZEOF);
  }

  public int argsz() {
    return getInt(ARGSZ);
  }

  public VfioEehPeOp argsz(int value) {
    putInt(ARGSZ, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioEehPeOp flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int op() {
    return getInt(OP);
  }

  public VfioEehPeOp op(int value) {
    putInt(OP, value);
    return this;
  }
}
