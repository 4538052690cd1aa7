// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import static org.vfio4j.device.uapi.VfioDeviceUapi.*;

import java.util.Optional;
import org.vfio4j.Errno;
import org.vfio4j.device.uapi.VfioIrqInfo;
import org.vfio4j.device.uapi.VfioIrqSet;
import org.vfio4j.testkit.device.MediatedIrq;
import org.vfio4j.testkit.device.MediatedModel;

/**
 * The interrupts of an open mediated device: one of them is enabled at a time, and has one vector.
 *
 * <p>Source: {@code mtty_set_irqs} in {@code samples/vfio-mdev/mtty.c}, and {@code
 * vfio_set_irqs_validate_and_prepare} in {@code drivers/vfio/vfio_main.c}, where the checks are in
 * the same order.
 */
final class MdevIrqs {
  private static final int NONE = -1;
  private static final int DATA =
      VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_DATA_EVENTFD;
  private static final int ACTIONS =
      VFIO_IRQ_SET_ACTION_MASK | VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_ACTION_TRIGGER;

  private final Core core;
  private final MdevDevice device;
  private final MediatedModel model;
  private int enabled = NONE;
  private EventFdContext eventFd;
  private boolean masked;

  MdevIrqs(Core core, MdevDevice device) {
    this.core = core;
    this.device = device;
    this.model = device.model();
  }

  void info(UserPointer info) {
    info.argsz(VfioIrqInfo.SIZEOF);
    int index = info.getInt(VfioIrqInfo.INDEX);
    boolean unknown = Integer.compareUnsigned(index, device.knownIrqs()) >= 0;
    KernelError.refuseIf(unknown, Errno.EINVAL);
    MediatedIrq irq = model.irq(index).orElseThrow(() -> KernelError.of(Errno.EINVAL));
    if (irq.count() > 0) {
      info.putInt(VfioIrqInfo.FLAGS, irq.flags());
    }
    info.putInt(VfioIrqInfo.COUNT, irq.count());
  }

  void set(UserPointer set) {
    int argsz = set.argsz(VfioIrqSet.SIZEOF);
    int flags = set.getInt(VfioIrqSet.FLAGS);
    int index = set.getInt(VfioIrqSet.INDEX);
    int start = set.getInt(VfioIrqSet.START);
    int count = set.getInt(VfioIrqSet.COUNT);
    boolean wrong =
        Integer.compareUnsigned(index, model.irqs()) >= 0
            || Integer.compareUnsigned(count, -1 - start) >= 0
            || (flags & ~(DATA | ACTIONS)) != 0;
    KernelError.refuseIf(wrong, Errno.EINVAL);
    // Vectors are counted against the number of indexes here.
    int most = device.knownIrqs();
    boolean outside =
        Integer.compareUnsigned(start, most) >= 0
            || Integer.compareUnsigned(start + count, most) > 0;
    KernelError.refuseIf(outside, Errno.EINVAL);
    int width =
        switch (flags & DATA) {
          case VFIO_IRQ_SET_DATA_NONE -> 0;
          case VFIO_IRQ_SET_DATA_BOOL -> Byte.BYTES;
          case VFIO_IRQ_SET_DATA_EVENTFD -> Integer.BYTES;
          default -> throw KernelError.of(Errno.EINVAL);
        };
    KernelError.refuseIf(
        Integer.compareUnsigned(argsz - VfioIrqSet.SIZEOF, count * width) < 0, Errno.EINVAL);
    Optional<MediatedIrq> known = model.irq(index);
    KernelError.refuseIf(known.isPresent() && known.get().count() == 0, Errno.EINVAL);
    // memdup_user(): all of it, before anything is looked at.
    set.get(VfioIrqSet.DATA, count * width);
    MediatedIrq irq = known.orElseThrow(() -> KernelError.of(Errno.ENOTTY));
    boolean maskable = (irq.flags() & VFIO_IRQ_INFO_MASKABLE) != 0;
    boolean first = start == 0 && count == 1;
    switch (flags & ACTIONS) {
      case VFIO_IRQ_SET_ACTION_MASK, VFIO_IRQ_SET_ACTION_UNMASK -> {
        KernelError.refuseIf(!maskable, Errno.ENOTTY);
        KernelError.refuseIf(enabled != index || !first, Errno.EINVAL);
        KernelError.refuseIf((flags & VFIO_IRQ_SET_DATA_EVENTFD) != 0, Errno.ENOTTY);
        if (isOn(set, flags)) {
          masked = (flags & VFIO_IRQ_SET_ACTION_MASK) != 0;
        }
      }
      case VFIO_IRQ_SET_ACTION_TRIGGER -> trigger(set, flags, index, count, first);
      default -> {
        // No action, or more than one: the sample drivers let it pass.
      }
    }
  }

  private static boolean isOn(UserPointer set, int flags) {
    return (flags & VFIO_IRQ_SET_DATA_NONE) != 0 || set.getByte(VfioIrqSet.DATA) != 0;
  }

  private void trigger(UserPointer set, int flags, int index, int count, boolean first) {
    if (enabled == index && count == 0 && (flags & VFIO_IRQ_SET_DATA_NONE) != 0) {
      disable();
      return;
    }
    KernelError.refuseIf((enabled != index && enabled != NONE) || !first, Errno.EINVAL);
    if ((flags & VFIO_IRQ_SET_DATA_EVENTFD) != 0) {
      disable();
      int fd = set.getInt(VfioIrqSet.DATA);
      if (fd >= 0) {
        eventFd = EventFdContext.of(core.files().get(fd));
        enabled = index;
      }
      return;
    }
    KernelError.refuseIf(enabled != index, Errno.EINVAL);
    if (isOn(set, flags)) {
      raise();
    }
  }

  /** One that masks itself is quiet until it is unmasked. */
  void raise() {
    if (enabled != NONE && !masked) {
      eventFd.signal();
      masked = (model.irq(enabled).orElseThrow().flags() & VFIO_IRQ_INFO_AUTOMASKED) != 0;
    }
  }

  private void disable() {
    if (enabled != NONE) {
      eventFd = null;
      masked = false;
      enabled = NONE;
    }
  }

  void close() {
    disable();
  }
}
