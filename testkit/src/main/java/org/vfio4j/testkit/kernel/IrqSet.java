// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import static org.vfio4j.device.uapi.VfioDeviceUapi.*;

import java.util.function.IntUnaryOperator;
import org.vfio4j.Errno;
import org.vfio4j.device.uapi.VfioIrqSet;

/**
 * {@code struct vfio_irq_set} and what comes behind it, as VFIO_DEVICE_SET_IRQS gets it.
 *
 * @param action one of {@code VFIO_IRQ_SET_ACTION_*}, or none, or several
 * @param kind one of {@code VFIO_IRQ_SET_DATA_*}
 */
record IrqSet(UserPointer set, int index, int action, int kind, int start, int count) {
  private static final int KINDS =
      VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_DATA_EVENTFD;
  private static final int ACTIONS =
      VFIO_IRQ_SET_ACTION_MASK | VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_ACTION_TRIGGER;

  /**
   * vfio_set_irqs_validate_and_prepare().
   *
   * @param indexes how many there are
   * @param most how many vectors an index has
   */
  static IrqSet of(UserPointer set, int indexes, IntUnaryOperator most) {
    int argsz = set.argsz(VfioIrqSet.SIZEOF);
    int flags = set.getInt(VfioIrqSet.FLAGS);
    int index = set.getInt(VfioIrqSet.INDEX);
    int start = set.getInt(VfioIrqSet.START);
    int count = set.getInt(VfioIrqSet.COUNT);
    boolean wrong =
        Integer.compareUnsigned(index, indexes) >= 0
            || Integer.compareUnsigned(count, -1 - start) >= 0
            || (flags & ~(KINDS | ACTIONS)) != 0;
    KernelError.refuseIf(wrong, Errno.EINVAL);
    int there = most.applyAsInt(index);
    boolean outside =
        Integer.compareUnsigned(start, there) >= 0
            || Integer.compareUnsigned(start + count, there) > 0;
    KernelError.refuseIf(outside, Errno.EINVAL);
    IrqSet irqs = new IrqSet(set, index, flags & ACTIONS, flags & KINDS, start, count);
    boolean isShort = Integer.compareUnsigned(argsz - VfioIrqSet.SIZEOF, irqs.length()) < 0;
    KernelError.refuseIf(isShort, Errno.EINVAL);
    return irqs;
  }

  /** Of the data, in bytes. */
  private int length() {
    return switch (kind) {
      case VFIO_IRQ_SET_DATA_NONE -> 0;
      case VFIO_IRQ_SET_DATA_BOOL -> count * Byte.BYTES;
      case VFIO_IRQ_SET_DATA_EVENTFD -> count * Integer.BYTES;
      default -> throw KernelError.of(Errno.EINVAL);
    };
  }

  /** memdup_user(): all of the data, before anything of it is looked at. */
  IrqSet read() {
    set.get(VfioIrqSet.DATA, length());
    return this;
  }

  boolean isNone() {
    return kind == VFIO_IRQ_SET_DATA_NONE;
  }

  boolean isEventFds() {
    return kind == VFIO_IRQ_SET_DATA_EVENTFD;
  }

  int fd(int i) {
    return set.getInt(VfioIrqSet.DATA + i * Integer.BYTES);
  }

  /** Whether there is something to do for entry {@code i}. */
  boolean isOn(int i) {
    return isNone() || set.getByte(VfioIrqSet.DATA + i) != 0;
  }

  boolean isFirstOnly() {
    return start == 0 && count == 1;
  }
}
