// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Events of one type of a virtual IOMMU, for its guest.
 *
 * <p>Source: iommufd_viommu_report_event() in {@code drivers/iommu/iommufd/driver.c}.
 */
final class Veventq extends IommufdObject {
  private static final int LAST_SEQUENCE = Integer.MAX_VALUE;

  private final Viommu viommu;
  private final int type;
  private final int depth;
  private final Deque<Event> events = new ArrayDeque<>();
  private int sequence;

  /** {@code data} is null for the note that events were lost. */
  static final class Event {
    private final int sequence;
    private final byte[] data;

    Event(int sequence, byte[] data) {
      this.sequence = sequence;
      this.data = data;
    }

    int sequence() {
      return sequence;
    }

    boolean isLoss() {
      return data == null;
    }

    byte[] data() {
      return isLoss() ? new byte[0] : data;
    }
  }

  Veventq(IommufdContext context, Viommu viommu, int type, int depth) {
    super(context);
    this.viommu = viommu;
    this.type = type;
    this.depth = depth;
    viommu.use();
    viommu.add(this);
  }

  int type() {
    return type;
  }

  /** From the IOMMU. When the queue is full, its end says so, with the last number. */
  void report(byte[] data) {
    Event last = events.peekLast();
    int next = sequence;
    sequence = sequence == LAST_SEQUENCE ? 0 : sequence + 1;
    if (last != null && last.isLoss()) {
      // There is room for the note alone: it moves on.
      events.removeLast();
    }
    long held = events.size();
    events.add(
        Long.compareUnsigned(held, Integer.toUnsignedLong(depth)) < 0
            ? new Event(next, data)
            : new Event(next, null));
    context().changed();
  }

  /** The oldest; null for none. */
  Event first() {
    return events.peek();
  }

  void remove() {
    events.remove();
  }

  @Override
  void destroyed() {
    viommu.remove(this);
    viommu.unuse();
  }
}
