// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import java.lang.ref.Reference;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.device.uapi.VfioIrqSet;
import org.vfio4j.linux.EventFd;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.KernelObject;
import org.vfio4j.linux.Lifetime;

/**
 * An irq index of a device, enabled: its vectors, to be waited for.
 *
 * <p>Closing disables the index in the device, then closes the eventfds that {@link
 * IrqIndex#enable(int)} made, which wakes whoever waits for them with {@link Reason#CLOSED}.
 * Eventfds of the caller are left as they are, and so is who waits for them.
 *
 * <p>Thread safe. Waiting, masking and unmasking allocate nothing.
 */
public final class Interrupts extends KernelObject {
  private static final String SET_IRQS = "VFIO_DEVICE_SET_IRQS";

  private static final ThreadLocal<VfioIrqSet> ACTION =
      ThreadLocal.withInitial(() -> new VfioIrqSet(0));

  private final VfioDevice device;
  private final IrqInfo info;
  private final IrqIndex irq;
  private final Release release;
  private volatile EventFd[] eventFds;

  private Interrupts(IrqIndex irq, EventFd[] eventFds, Release release, Lifetime lifetime) {
    super(lifetime);
    this.irq = irq;
    this.device = irq.device();
    this.info = irq.info();
    this.eventFds = eventFds;
    this.release = release;
  }

  static Interrupts enable(IrqIndex irq, int vectors) {
    check(irq, vectors);
    EventFd[] own = new EventFd[vectors];
    try {
      for (int i = 0; i < vectors; i++) {
        own[i] = EventFd.create(irq.device().kernel(), "vector " + i + " of " + irq);
      }
      return enable(irq, own, own);
    } catch (RuntimeException e) {
      closeAll(own);
      throw e;
    }
  }

  static Interrupts enable(IrqIndex irq, List<EventFd> vectors) {
    check(irq, vectors.size());
    return enable(irq, vectors.toArray(EventFd[]::new), new EventFd[0]);
  }

  private static void check(IrqIndex irq, int vectors) {
    if (!irq.info().isPresent()) {
      throw DeviceErrors.irqAbsent(irq);
    }
    if (vectors < 1) {
      throw VfioException.failed(Reason.INVALID_ARGUMENT, SET_IRQS)
          .on("of " + irq + " for " + DeviceErrors.vectors(vectors))
          .fact("at least one is needed; closing the Interrupts disables")
          .build();
    }
    if (Integer.compareUnsigned(vectors, irq.info().count()) > 0) {
      throw DeviceErrors.tooManyVectors(irq, vectors, irq.info().count());
    }
  }

  private static Interrupts enable(IrqIndex irq, EventFd[] eventFds, EventFd[] own) {
    VfioDevice device = irq.device();
    Lifetime[] parents = parents(device, eventFds);
    if (irq.info().index() == device.requests().index()) {
      device.requests().ignore();
    }
    // The kernel would take the second one for new eventfds of the first.
    if (!device.enabledIrqs().add(irq.info().index())) {
      throw DeviceErrors.alreadyEnabled(irq);
    }
    Release release = new Release(device, irq, own);
    Lifetime lifetime;
    try {
      // From here on nobody can close the device or an eventfd under the call.
      lifetime = new Lifetime(irq.toString(), release, parents);
    } catch (RuntimeException e) {
      release.run();
      throw e;
    }
    int result;
    try {
      result = setIrqs(device, eventFds(irq.info().index(), 0, eventFds));
    } catch (RuntimeException e) {
      // The caller closed an eventfd at this moment: nothing may go on holding the device for it.
      lifetime.close();
      throw e;
    }
    if (result != 0) {
      lifetime.close();
      throw result > 0
          ? DeviceErrors.tooManyVectors(irq, eventFds.length, result)
          : DeviceErrors.enable(irq, eventFds.length, result, names(device));
    }
    release.enabled = true;
    return new Interrupts(irq, eventFds, release, lifetime);
  }

  private static VfioIrqSet eventFds(int index, int start, EventFd[] eventFds) {
    VfioIrqSet set =
        new VfioIrqSet(eventFds.length * Integer.BYTES)
            .flags(
                VfioDeviceUapi.VFIO_IRQ_SET_DATA_EVENTFD
                    | VfioDeviceUapi.VFIO_IRQ_SET_ACTION_TRIGGER)
            .index(index)
            .start(start)
            .count(eventFds.length);
    for (int i = 0; i < eventFds.length; i++) {
      set.putInt(VfioIrqSet.DATA + i * Integer.BYTES, eventFds[i].fd());
    }
    return set;
  }

  private static Lifetime[] parents(VfioDevice device, EventFd[] eventFds) {
    Lifetime[] parents = new Lifetime[1 + eventFds.length];
    parents[0] = device.lifetime();
    for (int i = 0; i < eventFds.length; i++) {
      parents[i + 1] = eventFds[i].lifetime();
    }
    return parents;
  }

  /** Disables the index and closes our own eventfds; must not refer to the Interrupts. */
  private static final class Release implements Runnable {
    private final Kernel kernel;
    private final int fd;
    private final int index;
    private final String name;
    private final Set<Integer> enabledIrqs;
    private volatile EventFd[] own;
    private volatile boolean enabled;

    Release(VfioDevice device, IrqIndex irq, EventFd[] own) {
      this.kernel = device.kernel();
      this.fd = device.fdForChildren();
      this.index = irq.info().index();
      this.name = irq.toString();
      this.enabledIrqs = device.enabledIrqs();
      this.own = own;
    }

    @Override
    public void run() {
      int result = 0;
      if (enabled) {
        VfioIrqSet set =
            new VfioIrqSet(0)
                .flags(
                    VfioDeviceUapi.VFIO_IRQ_SET_DATA_NONE
                        | VfioDeviceUapi.VFIO_IRQ_SET_ACTION_TRIGGER)
                .index(index);
        result = kernel.ioctl(fd, VfioDeviceUapi.VFIO_DEVICE_SET_IRQS, set);
      }
      enabledIrqs.remove(index);
      closeAll(own);
      if (result < 0) {
        throw DeviceErrors.failed(SET_IRQS, "to disable " + name, result);
      }
    }
  }

  public IrqInfo info() {
    return info;
  }

  /** How many are enabled: vectors are 0 to {@code vectors()} - 1. */
  public int vectors() {
    return eventFds.length;
  }

  /** The eventfd that the kernel raises at each interrupt of {@code vector}. */
  public EventFd eventFd(int vector) {
    EventFd[] eventFds = this.eventFds;
    if (vector < 0 || vector >= eventFds.length) {
      throw DeviceErrors.noSuchVector(lifetime().name(), vector, eventFds.length);
    }
    return eventFds[vector];
  }

  /**
   * Waits for an interrupt of {@code vector}, and takes it.
   *
   * @param timeout rounded up to milliseconds; negative waits for ever
   * @return how many there were since they were last taken; 0 after the timeout
   * @throws VfioException ({@link Reason#CLOSED} when it is or gets closed)
   */
  public long await(int vector, Duration timeout) {
    return await(vector, nanos(timeout));
  }

  /** As {@link #await(int, Duration)}, with the timeout in nanoseconds; allocates nothing. */
  public long await(int vector, long timeoutNanos) {
    try {
      EventFd eventFd = eventFd(vector);
      checkOpen();
      return eventFd.await(timeoutNanos);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** Takes what has come without waiting: how many since they were last taken, 0 for none. */
  public long take(int vector) {
    try {
      EventFd eventFd = eventFd(vector);
      checkOpen();
      return eventFd.take();
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /**
   * Raises the eventfd of {@code vector} as if the device had sent an interrupt: for tests.
   *
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT})
   */
  public void trigger(int vector) {
    eventFd(vector);
    act(VfioDeviceUapi.VFIO_IRQ_SET_ACTION_TRIGGER, vector, "to trigger vector of ");
  }

  /**
   * Keeps the device's interrupt line from interrupting; what comes meanwhile is delivered after
   * {@link #unmask}.
   *
   * @throws VfioException ({@link Reason#NOT_SUPPORTED} for anything but INTX)
   */
  public void mask() {
    checkMaskable();
    act(VfioDeviceUapi.VFIO_IRQ_SET_ACTION_MASK, 0, "to mask ");
  }

  /**
   * Lets the interrupt line interrupt again. INTX is masked by the kernel at every interrupt:
   * unmask it after the device was told that the interrupt is served, or it comes again at once.
   *
   * @throws VfioException ({@link Reason#NOT_SUPPORTED} for anything but INTX)
   */
  public void unmask() {
    checkMaskable();
    act(VfioDeviceUapi.VFIO_IRQ_SET_ACTION_UNMASK, 0, "to unmask ");
  }

  /**
   * Has the kernel unmask the interrupt line each time that {@code eventFd} is raised: as {@link
   * #unmask()} does, without a call.
   *
   * @throws VfioException ({@link Reason#NOT_SUPPORTED} for anything but INTX, and of drivers that
   *     cannot: ENOTTY, {@link Reason#IN_USE}: EBUSY when another eventfd does it already)
   */
  public Resampler unmaskOn(EventFd eventFd) {
    checkMaskable();
    return Resampler.register(device, this, info.index(), eventFd);
  }

  /**
   * Enables more vectors behind those that are enabled, which go on meanwhile. Linux 6.5, and only
   * of an index without {@link IrqInfo.Flag#NORESIZE}: MSI-X, where the host's interrupt controller
   * can.
   *
   * @param vectors how many there shall be in all
   * @throws VfioException ({@link Reason#NOT_SUPPORTED} with NORESIZE, {@link Reason#LIMIT} when
   *     the device or the host has fewer; what was enabled stays so)
   */
  public synchronized void grow(int vectors) {
    EventFd[] before = eventFds;
    if (info.has(IrqInfo.Flag.NORESIZE)) {
      throw DeviceErrors.noResize(irq);
    }
    check(irq, vectors);
    if (vectors <= before.length) {
      throw VfioException.failed(Reason.INVALID_ARGUMENT, SET_IRQS)
          .on("of " + irq + " for " + DeviceErrors.vectors(vectors))
          .fact("there are " + before.length + " already, which do not become fewer")
          .build();
    }
    lifetime().enter();
    EventFd[] added = new EventFd[vectors - before.length];
    try {
      for (int i = 0; i < added.length; i++) {
        int vector = before.length + i;
        added[i] = EventFd.create(device.kernel(), "vector " + vector + " of " + irq);
      }
      int result = setIrqs(device, eventFds(info.index(), before.length, added));
      if (result < 0) {
        throw DeviceErrors.enable(irq, vectors, result, names(device));
      }
      release.own = concat(release.own, added);
      eventFds = concat(before, added);
    } catch (RuntimeException e) {
      closeAll(added);
      throw e;
    } finally {
      lifetime().leave();
    }
  }

  private static EventFd[] concat(EventFd[] first, EventFd[] second) {
    EventFd[] both = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, both, first.length, second.length);
    return both;
  }

  private void checkMaskable() {
    if (!info.has(IrqInfo.Flag.MASKABLE)) {
      throw DeviceErrors.notMaskable(lifetime().name());
    }
  }

  private void checkOpen() {
    if (isClosed()) {
      throw VfioException.failed(Reason.CLOSED, "wait")
          .on("for " + this)
          .fact("it was closed before")
          .build();
    }
  }

  private void act(int action, int vector, String what) {
    lifetime().enter();
    try {
      VfioIrqSet set =
          ACTION
              .get()
              .flags(VfioDeviceUapi.VFIO_IRQ_SET_DATA_NONE | action)
              .index(info.index())
              .start(vector)
              .count(1);
      int result = setIrqs(device, set);
      if (result < 0) {
        throw DeviceErrors.failed(SET_IRQS, what + this, result);
      }
    } finally {
      lifetime().leave();
      Reference.reachabilityFence(this);
    }
  }

  private static int setIrqs(VfioDevice device, VfioIrqSet set) {
    return device.kernel().ioctl(device.fdForChildren(), VfioDeviceUapi.VFIO_DEVICE_SET_IRQS, set);
  }

  private static String names(VfioDevice device) {
    List<String> names = device.enabledIrqs().stream().map(device::irqName).toList();
    return names.isEmpty() ? "none" : String.join(", ", names);
  }

  /** All of them, whatever fails; the first failure wins. */
  private static void closeAll(EventFd[] eventFds) {
    RuntimeException failure = null;
    for (EventFd eventFd : eventFds) {
      try {
        if (eventFd != null) {
          eventFd.close();
        }
      } catch (RuntimeException e) {
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  private static long nanos(Duration timeout) {
    if (timeout.isNegative()) {
      return -1;
    }
    try {
      return timeout.toNanos();
    } catch (ArithmeticException tooLong) {
      return Long.MAX_VALUE;
    }
  }
}
