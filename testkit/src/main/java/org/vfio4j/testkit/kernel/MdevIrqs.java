// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import static org.vfio4j.device.uapi.VfioDeviceUapi.*;

import java.util.Optional;
import org.vfio4j.Errno;
import org.vfio4j.device.uapi.VfioIrqInfo;
import org.vfio4j.testkit.device.MediatedIrq;
import org.vfio4j.testkit.device.MediatedModel;

/**
 * The interrupts of an open mediated device: one of them is enabled at a time, and has one vector.
 *
 * <p>Source: {@code mtty_set_irqs} in {@code samples/vfio-mdev/mtty.c}, where the checks are in the
 * same order.
 */
final class MdevIrqs {
  private static final int NONE = -1;

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
    // Vectors are counted against the number of indexes here.
    IrqSet data = IrqSet.of(set, model.irqs(), index -> device.knownIrqs());
    Optional<MediatedIrq> known = model.irq(data.index());
    KernelError.refuseIf(known.isPresent() && known.get().count() == 0, Errno.EINVAL);
    data.read();
    MediatedIrq irq = known.orElseThrow(() -> KernelError.of(Errno.ENOTTY));
    boolean maskable = (irq.flags() & VFIO_IRQ_INFO_MASKABLE) != 0;
    switch (data.action()) {
      case VFIO_IRQ_SET_ACTION_MASK, VFIO_IRQ_SET_ACTION_UNMASK -> {
        KernelError.refuseIf(!maskable, Errno.ENOTTY);
        KernelError.refuseIf(enabled != data.index() || !data.isFirstOnly(), Errno.EINVAL);
        KernelError.refuseIf(data.isEventFds(), Errno.ENOTTY);
        if (data.isOn(0)) {
          masked = data.action() == VFIO_IRQ_SET_ACTION_MASK;
        }
      }
      case VFIO_IRQ_SET_ACTION_TRIGGER -> trigger(data);
      default -> {
        // No action, or more than one: the sample drivers let it pass.
      }
    }
  }

  private void trigger(IrqSet data) {
    boolean isEnabled = enabled == data.index();
    if (isEnabled && data.count() == 0 && data.isNone()) {
      disable();
      return;
    }
    boolean wrong = !(isEnabled || enabled == NONE) || !data.isFirstOnly();
    KernelError.refuseIf(wrong, Errno.EINVAL);
    if (data.isEventFds()) {
      disable();
      int fd = data.fd(0);
      if (fd >= 0) {
        eventFd = EventFdContext.of(core.files().get(fd));
        enabled = data.index();
      }
      return;
    }
    KernelError.refuseIf(!isEnabled, Errno.EINVAL);
    if (data.isOn(0)) {
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
