// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.device.uapi.VfioIrqSet;
import org.vfio4j.linux.EventFd;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.KernelObject;
import org.vfio4j.linux.Lifetime;

/**
 * An eventfd that unmasks the interrupt line of a device: each time it is raised, as by {@link
 * Interrupts#unmask()}. A virtual machine's interrupt controller tells so that the interrupt was
 * served, without leaving the kernel.
 *
 * <p>Until it is closed it keeps the interrupt enabled and the eventfd open. Thread safe. Source:
 * {@code drivers/vfio/pci/vfio_pci_intrs.c}, {@code drivers/vfio/virqfd.c}.
 */
public final class Resampler extends KernelObject {
  private static final String SET_IRQS = "VFIO_DEVICE_SET_IRQS";

  private final EventFd eventFd;

  private Resampler(EventFd eventFd, Lifetime lifetime) {
    super(lifetime);
    this.eventFd = eventFd;
  }

  /** Of {@link Interrupts#unmaskOn}. */
  static Resampler register(VfioDevice device, Interrupts interrupts, int index, EventFd eventFd) {
    String name = "unmasking of " + interrupts.lifetime().name();
    Release release = new Release(device, index, name);
    Lifetime lifetime = new Lifetime(name, release, interrupts.lifetime(), eventFd.lifetime());
    int result;
    try {
      result = release.set(eventFd.fd());
    } catch (RuntimeException e) {
      lifetime.close();
      throw e;
    }
    if (result < 0) {
      lifetime.close();
      throw refused(name, result);
    }
    release.registered = true;
    return new Resampler(eventFd, lifetime);
  }

  /** Takes it back; must not refer to the Resampler. */
  private static final class Release implements Runnable {
    private final Kernel kernel;
    private final int fd;
    private final int index;
    private final String name;
    private volatile boolean registered;

    Release(VfioDevice device, int index, String name) {
      this.kernel = device.kernel();
      this.fd = device.fdForChildren();
      this.index = index;
      this.name = name;
    }

    int set(int eventFd) {
      VfioIrqSet set =
          new VfioIrqSet(Integer.BYTES)
              .flags(
                  VfioDeviceUapi.VFIO_IRQ_SET_DATA_EVENTFD
                      | VfioDeviceUapi.VFIO_IRQ_SET_ACTION_UNMASK)
              .index(index)
              .count(1);
      set.putInt(VfioIrqSet.DATA, eventFd);
      return kernel.ioctl(fd, VfioDeviceUapi.VFIO_DEVICE_SET_IRQS, set);
    }

    @Override
    public void run() {
      if (registered) {
        int result = set(-1);
        if (result < 0) {
          throw DeviceErrors.failed(SET_IRQS, "to end " + name, result);
        }
      }
    }
  }

  /** What is raised to unmask. */
  public EventFd eventFd() {
    return eventFd;
  }

  private static VfioException refused(String name, long result) {
    String object = "for " + name;
    return switch (Errno.ofResult(result)) {
      case EBUSY ->
          DeviceErrors.call(SET_IRQS, object, result)
              .fact("another eventfd unmasks it already")
              .hint("close the other Resampler first")
              .build();
      case ENOTTY ->
          VfioException.failed(Reason.NOT_SUPPORTED, SET_IRQS)
              .on(object)
              .result(result)
              .fact("the driver of the device cannot unmask by eventfd")
              .hint("Interrupts.unmask()")
              .build();
      default -> DeviceErrors.failed(SET_IRQS, object, result);
    };
  }
}
