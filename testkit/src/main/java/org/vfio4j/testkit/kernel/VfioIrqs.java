// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import static org.vfio4j.device.uapi.VfioDeviceUapi.*;

import java.util.HashMap;
import java.util.Map;
import org.vfio4j.Errno;
import org.vfio4j.device.uapi.VfioIrqInfo;

/**
 * The interrupts of an open function.
 *
 * <p>Source: {@code drivers/vfio/pci/vfio_pci_intrs.c}, where the checks are in the same order.
 */
final class VfioIrqs implements PciDevice.InterruptSink {
  static final int INDEXES = 5;

  private static final int NONE = -1;

  private final Core core;
  private final PciDevice pci;
  private final Map<Integer, EventFdContext> vectors = new HashMap<>();

  /** Which of INTX, MSI and MSIX is enabled. */
  private int type = NONE;

  private int allocated;
  private boolean masked;
  private boolean lineDisabled;
  private EventFdContext error;
  private EventFdContext request;
  private final Virqfd unmask = new Virqfd(this::unmaskLine);

  VfioIrqs(Core core, PciDevice pci) {
    this.core = core;
    this.pci = pci;
    pci.interrupts(this);
  }

  boolean isMsiEnabled() {
    return type == VFIO_PCI_MSI_IRQ_INDEX;
  }

  void info(UserPointer info) {
    info.argsz(VfioIrqInfo.SIZEOF);
    int index = info.getInt(VfioIrqInfo.INDEX);
    boolean wrong =
        Integer.compareUnsigned(index, INDEXES) >= 0
            || (index == VFIO_PCI_ERR_IRQ_INDEX && !pci.function().isExpress());
    KernelError.refuseIf(wrong, Errno.EINVAL);
    int flags =
        switch (index) {
          case VFIO_PCI_INTX_IRQ_INDEX -> VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
          // The interrupt domains of x86 can add vectors later.
          case VFIO_PCI_MSIX_IRQ_INDEX -> hasDynamicMsix() ? 0 : VFIO_IRQ_INFO_NORESIZE;
          default -> VFIO_IRQ_INFO_NORESIZE;
        };
    info.putInt(VfioIrqInfo.FLAGS, VFIO_IRQ_INFO_EVENTFD | flags);
    info.putInt(VfioIrqInfo.COUNT, count(index));
  }

  private boolean hasDynamicMsix() {
    return pci.function().msixVectors() > 0
        && core.version().isAtLeast(6, 5)
        && core.machine().hasDynamicMsix();
  }

  private int count(int index) {
    return switch (index) {
      // The pin of a virtual function is none, whatever it says.
      case VFIO_PCI_INTX_IRQ_INDEX -> pci.function().hasInterruptPin() && !pci.isVirtual() ? 1 : 0;
      case VFIO_PCI_MSI_IRQ_INDEX -> pci.function().msiVectors();
      case VFIO_PCI_MSIX_IRQ_INDEX -> pci.function().msixVectors();
      case VFIO_PCI_ERR_IRQ_INDEX -> pci.function().isExpress() ? 1 : 0;
      default -> 1;
    };
  }

  int set(UserPointer set) {
    IrqSet data = IrqSet.of(set, INDEXES, this::count).read();
    int action = data.action();
    switch (data.index()) {
      case VFIO_PCI_INTX_IRQ_INDEX -> {
        switch (action) {
          case VFIO_IRQ_SET_ACTION_MASK -> maskLine(data);
          case VFIO_IRQ_SET_ACTION_UNMASK -> unmaskLine(data);
          case VFIO_IRQ_SET_ACTION_TRIGGER -> triggerLine(data);
          default -> throw KernelError.of(Errno.ENOTTY);
        }
      }
      case VFIO_PCI_MSI_IRQ_INDEX, VFIO_PCI_MSIX_IRQ_INDEX -> {
        KernelError.refuseIf(action != VFIO_IRQ_SET_ACTION_TRIGGER, Errno.ENOTTY);
        return triggerMessages(data.index(), data);
      }
      case VFIO_PCI_ERR_IRQ_INDEX -> {
        boolean has = action == VFIO_IRQ_SET_ACTION_TRIGGER && pci.function().isExpress();
        KernelError.refuseIf(!has, Errno.ENOTTY);
        error = single(error, data);
      }
      default -> {
        KernelError.refuseIf(action != VFIO_IRQ_SET_ACTION_TRIGGER, Errno.ENOTTY);
        request = single(request, data);
      }
    }
    return 0;
  }

  private EventFdContext eventFd(int fd) {
    return EventFdContext.of(core.files().get(fd));
  }

  private void maskLine(IrqSet data) {
    KernelError.refuseIf(!isLineEnabled() || !data.isFirstOnly(), Errno.EINVAL);
    KernelError.refuseIf(data.isEventFds(), Errno.ENOTTY);
    if (data.isOn(0)) {
      maskLine();
    }
  }

  private void unmaskLine(IrqSet data) {
    KernelError.refuseIf(!isLineEnabled() || !data.isFirstOnly(), Errno.EINVAL);
    if (!data.isEventFds()) {
      if (data.isOn(0)) {
        unmaskLine();
      }
      return;
    }
    int fd = data.fd(0);
    if (fd < 0) {
      unmask.disable();
    } else {
      unmask.enable(core.files().get(fd));
    }
  }

  private void triggerLine(IrqSet data) {
    if (isLineEnabled() && data.count() == 0 && data.isNone()) {
      disable();
      return;
    }
    boolean wrong = !(isLineEnabled() || type == NONE) || !data.isFirstOnly();
    KernelError.refuseIf(wrong, Errno.EINVAL);
    if (data.isEventFds()) {
      vectors.put(0, data.fd(0) < 0 ? null : eventFd(data.fd(0)));
      if (type == NONE) {
        type = VFIO_PCI_INTX_IRQ_INDEX;
        masked = lineDisabled;
        pci.disableLine(masked);
      }
      return;
    }
    KernelError.refuseIf(!isLineEnabled(), Errno.EINVAL);
    if (data.isOn(0)) {
      signalLine();
    }
  }

  private boolean isLineEnabled() {
    return type == VFIO_PCI_INTX_IRQ_INDEX;
  }

  private void signalLine() {
    if (isLineEnabled() && !lineDisabled) {
      signal(vectors.get(0));
    }
  }

  private static void signal(EventFdContext eventFd) {
    if (eventFd != null) {
      eventFd.signal();
    }
  }

  private void maskLine() {
    if (!isLineEnabled()) {
      pci.disableLine(true);
    } else if (!masked) {
      masked = true;
      pci.disableLine(true);
    }
  }

  private void unmaskLine() {
    if (!isLineEnabled()) {
      pci.disableLine(false);
    } else if (masked && !lineDisabled) {
      if (pci.isLineUp()) {
        // It stays masked, since it interrupts again at once.
        signalLine();
      } else {
        masked = false;
        pci.disableLine(false);
      }
    }
  }

  /** The bit of the command register, as the process sees it. */
  void disableLine(boolean disabled) {
    if (disabled && !lineDisabled) {
      lineDisabled = true;
      maskLine();
    } else if (!disabled && lineDisabled) {
      lineDisabled = false;
      unmaskLine();
    }
  }

  @Override
  public void lineUp() {
    if (isLineEnabled() && !masked) {
      masked = true;
      pci.disableLine(true);
      signalLine();
    }
  }

  @Override
  public void message(int vector) {
    signal(vectors.get(vector));
  }

  private int triggerMessages(int index, IrqSet data) {
    if (type == index && data.count() == 0 && data.isNone()) {
      disable();
      return 0;
    }
    KernelError.refuseIf(type != index && type != NONE, Errno.EINVAL);
    if (!data.isEventFds()) {
      KernelError.refuseIf(type != index, Errno.EINVAL);
      for (int i = 0; i < data.count(); i++) {
        if (data.isOn(i)) {
          signal(vectors.get(data.start() + i));
        }
      }
      return 0;
    }
    if (type == index) {
      setVectors(data);
      return 0;
    }
    // pci_alloc_irq_vectors() of at least one and at most none.
    KernelError.refuseIf(data.start() + data.count() == 0, Errno.ERANGE);
    type = index;
    allocated = data.start() + data.count();
    if (type == VFIO_PCI_MSI_IRQ_INDEX) {
      pci.messageQueueMax(Integer.SIZE - 1 - Integer.numberOfLeadingZeros(2 * allocated - 1));
    }
    enableInHardware(true);
    try {
      setVectors(data);
    } catch (KernelError e) {
      disable();
      throw e;
    }
    return 0;
  }

  /** All or, of those in {@code data}, none. */
  private void setVectors(IrqSet data) {
    boolean grows = type == VFIO_PCI_MSIX_IRQ_INDEX && hasDynamicMsix();
    int done = 0;
    try {
      for (; done < data.count(); done++) {
        int vector = data.start() + done;
        vectors.remove(vector);
        int fd = data.fd(done);
        if (fd >= 0) {
          KernelError.refuseIf(vector >= allocated && !grows, Errno.EINVAL);
          vectors.put(vector, eventFd(fd));
        }
      }
    } catch (KernelError e) {
      for (int i = 0; i <= done; i++) {
        vectors.remove(data.start() + i);
      }
      throw e;
    }
  }

  private void enableInHardware(boolean on) {
    ConfigSpace config = pci.config();
    if (type == VFIO_PCI_MSI_IRQ_INDEX) {
      config.setBits(config.msi() + ConfigSpace.MSI_FLAGS, ConfigSpace.MSI_ENABLE, on);
    } else if (type == VFIO_PCI_MSIX_IRQ_INDEX) {
      config.setBits(config.msix() + ConfigSpace.MSI_FLAGS, ConfigSpace.MSIX_ENABLE, on);
    }
  }

  private void disable() {
    unmask.disable();
    enableInHardware(false);
    vectors.clear();
    type = NONE;
  }

  private EventFdContext single(EventFdContext registered, IrqSet data) {
    KernelError.refuseIf(data.start() != 0 || data.count() > 1, Errno.EINVAL);
    if (data.isNone()) {
      KernelError.refuseIf(registered == null, Errno.EINVAL);
      if (data.count() == 0) {
        return null;
      }
      registered.signal();
      return registered;
    }
    KernelError.refuseIf(data.count() == 0, Errno.EINVAL);
    if (!data.isEventFds()) {
      if (data.isOn(0)) {
        signal(registered);
      }
      return registered;
    }
    int fd = data.fd(0);
    if (fd < NONE) {
      KernelError.refuseIf(core.version().refusesStrangeTriggers(), Errno.EINVAL);
      return registered;
    }
    return fd < 0 ? null : eventFd(fd);
  }

  /** The host wants the device back. */
  void request() {
    signal(request);
  }

  void close() {
    if (type != NONE) {
      disable();
    }
    pci.interrupts(null);
  }
}
