// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import java.lang.ref.WeakReference;
import java.util.function.Consumer;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.device.uapi.VfioIrqSet;
import org.vfio4j.linux.EventFd;
import org.vfio4j.linux.HelperThread;
import org.vfio4j.linux.Lifetime;

/**
 * Hears when the host wants a device back: its driver is to be unbound, the device is to be
 * unplugged or removed. The host waits until the device is closed, for ever if need be, and asks
 * every ten seconds.
 *
 * <p>A device that was opened through a group or bound to an iommufd is listened to from the start,
 * if it has the interrupt for it (of PCI functions: {@link VfioPci#REQ}). That takes an eventfd and
 * a waiting thread for each device, which go when its file is closed. Without a handler a request
 * is told in a warning to the logger {@code org.vfio4j.device}, and remembered: {@link
 * #isRequested()}. Nothing is closed by itself, since only the program knows when it can do without
 * the device; one that can at any time says {@code device.requests().onRequest(VfioDevice::close)}.
 * Whichever way it is closed, the host has the device when all that was made from it is closed too.
 *
 * <p>Thread safe. Linux 4.0. Source: {@code drivers/vfio/vfio_main.c}, {@code
 * vfio_unregister_group_dev()}.
 */
public final class DeviceRequests {
  private static final System.Logger LOG = System.getLogger("org.vfio4j.device");
  private static final String SET_IRQS = "VFIO_DEVICE_SET_IRQS";

  private static final int NONE = -1;

  private final Runnable afterClose;

  /** Weak: this object is part of what releases the device. */
  private WeakReference<VfioDevice> device;

  private volatile Consumer<? super VfioDevice> handler = DeviceRequests::tell;
  private volatile boolean requested;
  private EventFd eventFd;
  private HelperThread listener;

  DeviceRequests(Runnable afterClose) {
    this.afterClose = afterClose;
  }

  void of(VfioDevice listenedTo) {
    device = new WeakReference<>(listenedTo);
  }

  /** Whether the host has asked for the device since it was opened. */
  public boolean isRequested() {
    return requested;
  }

  /**
   * Says what to do at a request, instead of the warning. Called on a thread of its own, each time
   * that the host asks; what it throws is logged. It is given the device, and must not refer to it
   * otherwise: a device that is lost could not be found to be.
   */
  public void onRequest(Consumer<? super VfioDevice> newHandler) {
    handler = newHandler;
  }

  /**
   * Listens, if the device has the interrupt for it and nobody else was given it: for devices that
   * were adopted. The others are listened to from the start.
   *
   * @return whether it listens
   * @throws VfioException ({@link Reason#LIMIT} when the process has no descriptor left for it)
   */
  public synchronized boolean listen() {
    VfioDevice listened = device.get();
    if (listened == null) {
      return false;
    }
    if (eventFd != null) {
      return true;
    }
    EventFd made = null;
    try {
      int index = index(listened);
      boolean none = index == NONE || index >= listened.info().numIrqs();
      if (none || !listened.interrupts(index).info().isPresent()) {
        return false;
      }
      made = EventFd.create(listened.kernel(), "requests for " + listened);
      set(listened, index, made);
    } catch (VfioException e) {
      if (made != null) {
        made.close();
      }
      if (e.reason() == Reason.LIMIT) {
        throw e;
      }
      // A device that has no such index says so: mediated ones, mostly.
      if (e.reason() != Reason.NOT_SUPPORTED) {
        LOG.log(
            System.Logger.Level.WARNING,
            "Nothing will tell when the host wants {0} back: {1}",
            listened,
            e.getMessage());
      }
      return false;
    }
    EventFd heard = made;
    eventFd = made;
    listener = new HelperThread(() -> listen(heard), "vfio4j requests for " + listened);
    listener.start();
    return true;
  }

  /** Stops to listen, as when the program enables the interrupt itself. */
  public synchronized void ignore() {
    VfioDevice listened = device.get();
    if (eventFd == null || listened == null) {
      return;
    }
    try {
      set(listened, index(listened), null);
    } finally {
      end();
    }
  }

  /** The file of the device is closed: nobody calls any more. */
  void deviceClosed() {
    try {
      synchronized (this) {
        end();
      }
    } finally {
      afterClose.run();
    }
  }

  private void end() {
    if (eventFd == null) {
      return;
    }
    Lifetime hold = eventFd.lifetime();
    // So that the descriptor is closed here, and not by the listener when it comes to it.
    hold.enter();
    try {
      eventFd.close();
      joinListener();
    } finally {
      eventFd = null;
      hold.leave();
    }
  }

  /** It runs no code of the program, so it ends at once. */
  private void joinListener() {
    boolean interrupted = false;
    while (listener.isAlive()) {
      try {
        listener.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void listen(EventFd heard) {
    while (true) {
      try {
        heard.await(-1);
      } catch (VfioException closed) {
        return;
      }
      requested = true;
      // The program's code, and so no helper.
      Thread teller = new Thread(this::handle, Thread.currentThread().getName() + ", handler");
      teller.setDaemon(true);
      teller.start();
    }
  }

  private void handle() {
    VfioDevice asked = device.get();
    if (asked == null) {
      return;
    }
    try {
      handler.accept(asked);
    } catch (RuntimeException e) {
      LOG.log(System.Logger.Level.ERROR, "The handler of requests for " + asked + " failed", e);
    }
  }

  private static void tell(VfioDevice asked) {
    LOG.log(
        System.Logger.Level.WARNING,
        "The host wants {0} back, and waits until it is closed, with what was made from it."
            + " VfioDevice.requests().onRequest(...) says what to do then.",
        asked);
  }

  /** Of the interrupt; -1 when the device has none. */
  int index() {
    VfioDevice asked = device.get();
    return asked == null ? NONE : index(asked);
  }

  private static int index(VfioDevice device) {
    DeviceInfo info = device.info();
    if (info.has(DeviceInfo.Flag.PCI)) {
      return VfioDeviceUapi.VFIO_PCI_REQ_IRQ_INDEX;
    }
    if (info.has(DeviceInfo.Flag.CCW)) {
      return VfioDeviceUapi.VFIO_CCW_REQ_IRQ_INDEX;
    }
    return info.has(DeviceInfo.Flag.AP) ? VfioDeviceUapi.VFIO_AP_REQ_IRQ_INDEX : NONE;
  }

  /** Null to take it back. */
  private static void set(VfioDevice device, int index, EventFd eventFd) {
    VfioIrqSet set = new VfioIrqSet(eventFd == null ? 0 : Integer.BYTES).index(index);
    int data = VfioDeviceUapi.VFIO_IRQ_SET_DATA_NONE;
    if (eventFd != null) {
      data = VfioDeviceUapi.VFIO_IRQ_SET_DATA_EVENTFD;
      set.count(1).putInt(VfioIrqSet.DATA, eventFd.fd());
    }
    set.flags(data | VfioDeviceUapi.VFIO_IRQ_SET_ACTION_TRIGGER);
    device.lifetime().enter();
    try {
      int result =
          device.kernel().ioctl(device.fdForChildren(), VfioDeviceUapi.VFIO_DEVICE_SET_IRQS, set);
      if (result < 0) {
        throw DeviceErrors.failed(SET_IRQS, "of requests for " + device, result);
      }
    } finally {
      device.lifetime().leave();
    }
  }

  @Override
  public String toString() {
    return "requests for " + device.get();
  }
}
