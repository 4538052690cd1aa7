// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.mdev;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.mdev.MdevChange.Kind;

/**
 * Tells what comes and goes.
 *
 * <p>sysfs is looked at again and again, at each uevent of the kernel and at the latest after the
 * interval; without uevents, after the interval. So nothing is missed that lasts, whatever is lost
 * on the way, and what comes and goes between two looks is not told.
 *
 * <p>Not thread safe, but for {@link #close}.
 */
public final class MdevWatch implements AutoCloseable {
  /** How often sysfs is looked at without an event. */
  public static final Duration INTERVAL = Duration.ofSeconds(1);

  /** A device has its driver a moment before it has its type. */
  private static final long HALF_MADE_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

  private final MdevBus bus;
  private final long interval;
  private final Optional<UeventSocket> uevents;
  private Map<String, String> parents;
  private Map<String, String> devices;
  private boolean halfMade;
  private volatile boolean closed;

  private MdevWatch(MdevBus bus, Duration interval) {
    this.bus = bus;
    this.interval = interval.toNanos();
    // Before the first look, so that nothing falls in between.
    this.uevents = UeventSocket.open(bus.kernel());
    this.parents = lookAtParents();
    this.devices = lookAtDevices();
  }

  /** From what there is now on, with {@link #INTERVAL}. */
  public static MdevWatch on(MdevBus bus) {
    return on(bus, INTERVAL);
  }

  /**
   * From what there is now on.
   *
   * @param interval after which sysfs is looked at without an event
   */
  public static MdevWatch on(MdevBus bus, Duration interval) {
    return new MdevWatch(bus, interval);
  }

  /** Whether the kernel says when there is something to look at. */
  public boolean hasUevents() {
    return uevents.isPresent();
  }

  /**
   * Waits until something has changed since the last call.
   *
   * @return in this order: parents and devices that are gone, that are new; empty after the timeout
   * @throws VfioException ({@link Reason#CLOSED})
   */
  public List<MdevChange> await(Duration timeout) {
    long end = System.nanoTime() + timeout.toNanos();
    while (true) {
      if (closed) {
        throw VfioException.failed(Reason.CLOSED, "watch").on("of " + bus).build();
      }
      List<MdevChange> changes = look();
      long left = end - System.nanoTime();
      if (!changes.isEmpty() || left <= 0) {
        return changes;
      }
      sleep(Math.min(left, halfMade ? Math.min(HALF_MADE_NANOS, interval) : interval));
    }
  }

  private void sleep(long nanos) {
    try {
      if (uevents.isPresent()) {
        uevents.get().await(nanos);
      } else {
        TimeUnit.NANOSECONDS.sleep(nanos);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw VfioException.failed(Reason.OTHER, "watch")
          .on("of " + bus)
          .fact("this thread was interrupted")
          .cause(e)
          .build();
    }
  }

  private List<MdevChange> look() {
    Map<String, String> parentsNow = lookAtParents();
    Map<String, String> devicesNow = lookAtDevices();
    List<MdevChange> changes = new ArrayList<>();
    gone(Kind.DEVICE_REMOVED, devices, devicesNow, changes);
    gone(Kind.PARENT_REMOVED, parents, parentsNow, changes);
    gone(Kind.PARENT_ADDED, parentsNow, parents, changes);
    gone(Kind.DEVICE_ADDED, devicesNow, devices, changes);
    parents = parentsNow;
    devices = devicesNow;
    return List.copyOf(changes);
  }

  /** Told of what is in the one and not, or not of the same parent, in the other. */
  private static void gone(
      Kind kind, Map<String, String> one, Map<String, String> other, List<MdevChange> changes) {
    one.forEach(
        (name, parent) -> {
          if (!parent.equals(other.get(name))) {
            changes.add(new MdevChange(kind, name, parent));
          }
        });
  }

  private Map<String, String> lookAtParents() {
    Map<String, String> found = new LinkedHashMap<>();
    bus.parents().forEach(parent -> found.put(parent.name(), parent.name()));
    return found;
  }

  private Map<String, String> lookAtDevices() {
    Map<String, String> found = new LinkedHashMap<>();
    halfMade = false;
    for (UUID uuid : bus.uuids()) {
      Optional<Mdev> mdev = bus.find(uuid);
      halfMade |= mdev.isEmpty();
      mdev.ifPresent(device -> found.put(Names.text(uuid), device.parent().name()));
    }
    return found;
  }

  /** From any thread: one that waits is told of it after the interval at the latest. */
  @Override
  public void close() {
    closed = true;
    uevents.ifPresent(UeventSocket::close);
  }
}
