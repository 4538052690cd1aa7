// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct vfio_irq_info}: the argument of VFIO_DEVICE_GET_IRQ_INFO. */
public final class VfioIrqInfo extends Struct {
  public static final int SIZEOF = 16;
  public static final int ARGSZ = 0;
  public static final int FLAGS = 4;
  public static final int INDEX = 8;
  public static final int COUNT = 12;

  public VfioIrqInfo() {
    super(SIZEOF);
    putInt(ARGSZ, SIZEOF);
  }

  public int argsz() {
    return getInt(ARGSZ);
  }

  public VfioIrqInfo argsz(int value) {
    putInt(ARGSZ, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioIrqInfo flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int index() {
    return getInt(INDEX);
  }

  public VfioIrqInfo index(int value) {
    putInt(INDEX, value);
    return this;
  }

  public int count() {
    return getInt(COUNT);
  }

  public VfioIrqInfo count(int value) {
    putInt(COUNT, value);
    return this;
  }
}
