// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device.uapi;

import org.vfio4j.memory.Struct;

/** {@code struct vfio_irq_set}: the argument of VFIO_DEVICE_SET_IRQS, followed by its data. */
public final class VfioIrqSet extends Struct {
  public static final int SIZEOF = 20;
  public static final int ARGSZ = 0;
  public static final int FLAGS = 4;
  public static final int INDEX = 8;
  public static final int START = 12;
  public static final int COUNT = 16;
  public static final int DATA = 20;

  /** With room for data behind the struct, in bytes. */
  public VfioIrqSet(int bytes) {
    super(SIZEOF + bytes);
    putInt(ARGSZ, capacity());
  }

  public int argsz() {
    return getInt(ARGSZ);
  }

  public VfioIrqSet argsz(int value) {
    putInt(ARGSZ, value);
    return this;
  }

  public int flags() {
    return getInt(FLAGS);
  }

  public VfioIrqSet flags(int value) {
    putInt(FLAGS, value);
    return this;
  }

  public int index() {
    return getInt(INDEX);
  }

  public VfioIrqSet index(int value) {
    putInt(INDEX, value);
    return this;
  }

  public int start() {
    return getInt(START);
  }

  public VfioIrqSet start(int value) {
    putInt(START, value);
    return this;
  }

  public int count() {
    return getInt(COUNT);
  }

  public VfioIrqSet count(int value) {
    putInt(COUNT, value);
    return this;
  }
}
