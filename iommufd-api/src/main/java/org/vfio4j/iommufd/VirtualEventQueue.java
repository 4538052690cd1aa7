// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.vfio4j.iommufd.uapi.IommuVeventArmSmmuv3;
import org.vfio4j.iommufd.uapi.IommuVeventTegra241Cmdqv;
import org.vfio4j.iommufd.uapi.IommuVeventqAlloc;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.iommufd.uapi.IommufdVeventHeader;
import org.vfio4j.linux.FileObject;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PollSet;
import org.vfio4j.memory.NativeBlock;

/**
 * Events of a {@link Viommu} that its guest is to be told of. Events are numbered, so that a gap
 * shows how many were lost while the queue was full.
 *
 * <p>Thread safe; one thread at a time reads. Linux 6.15. Source: {@code
 * drivers/iommu/iommufd/eventq.c}.
 */
public final class VirtualEventQueue extends FileObject {
  private static final ThreadLocal<PollSet> POLL = ThreadLocal.withInitial(() -> new PollSet(1));
  private static final int HEADER = IommufdVeventHeader.SIZEOF;
  private static final int EVENTS_AT_ONCE = 64;

  /** The stream id in the first word of an SMMUv3's event. */
  private static final int STREAM_ID_SHIFT = 32;

  private final Viommu viommu;
  private final int id;
  private final int type;
  private final int dataSize;
  private int next;

  private VirtualEventQueue(Viommu viommu, int fd, int id, int type, int dataSize, String name) {
    super(
        viommu.iommufd().kernel(),
        fd,
        name,
        viommu.iommufd().destroyer(id, name),
        viommu.lifetime());
    this.viommu = viommu;
    this.id = id;
    this.type = type;
    this.dataSize = dataSize;
  }

  static VirtualEventQueue allocate(Viommu viommu, int type, int depth) {
    int dataSize =
        switch (type) {
          case IommufdUapi.IOMMU_VEVENTQ_TYPE_ARM_SMMUV3 -> IommuVeventArmSmmuv3.SIZEOF;
          case IommufdUapi.IOMMU_VEVENTQ_TYPE_TEGRA241_CMDQV -> IommuVeventTegra241Cmdqv.SIZEOF;
          default -> Integer.BYTES;
        };
    Iommufd iommufd = viommu.iommufd();
    IommuVeventqAlloc alloc =
        new IommuVeventqAlloc().viommuId(viommu.id()).type(type).veventqDepth(depth);
    int result =
        iommufd.kernel().ioctl(iommufd.fdForChildren(), IommufdUapi.IOMMU_VEVENTQ_ALLOC, alloc);
    if (result < 0) {
      throw HwptErrors.eventQueue(viommu, type, depth, result);
    }
    int id = alloc.outVeventqId();
    String name = "event queue " + id + " of " + iommufd.lifetime().name();
    return new VirtualEventQueue(viommu, alloc.outVeventqFd(), id, type, dataSize, name);
  }

  /** Its id inside its iommufd. */
  public int id() {
    return id;
  }

  /** Takes what is pending, oldest first; never waits. */
  public synchronized List<VirtualEvent> read() {
    lifetime().enter();
    try {
      NativeBlock buffer = new NativeBlock(EVENTS_AT_ONCE * (HEADER + dataSize));
      long result = kernel().read(heldFd(), buffer, buffer.capacity());
      if (result < 0) {
        throw IommufdErrors.call("read", "of " + this, result).build();
      }
      List<VirtualEvent> events = new ArrayList<>();
      for (int at = 0; at < result; ) {
        boolean note =
            (buffer.getInt(at + IommufdVeventHeader.FLAGS)
                    & IommufdUapi.IOMMU_VEVENTQ_FLAG_LOST_EVENTS)
                != 0;
        events.add(event(buffer, at, note));
        at += HEADER + (note ? 0 : dataSize);
      }
      return List.copyOf(events);
    } finally {
      lifetime().leave();
    }
  }

  private VirtualEvent event(NativeBlock buffer, int at, boolean note) {
    int sequence = buffer.getInt(at + IommufdVeventHeader.SEQUENCE);
    // A note has the number of the last event that was lost.
    int lost = ((sequence - next) & Integer.MAX_VALUE) + (note ? 1 : 0);
    next = (sequence + 1) & Integer.MAX_VALUE;
    if (note) {
      return new VirtualEvent(sequence, lost, Optional.empty(), Optional.empty());
    }
    NativeBlock data = new NativeBlock(dataSize);
    data.put(0, buffer.get(at + HEADER, dataSize));
    Optional<DeviceCookie> cookie =
        type == IommufdUapi.IOMMU_VEVENTQ_TYPE_ARM_SMMUV3
            ? viommu.cookieOf(data.getLong(0) >>> STREAM_ID_SHIFT)
            : Optional.empty();
    return new VirtualEvent(sequence, lost, cookie, Optional.of(data));
  }

  /**
   * Waits until something is pending, and takes it.
   *
   * @param timeoutNanos rounded up to milliseconds; negative waits for ever
   * @return the events, oldest first; empty after the timeout
   */
  public List<VirtualEvent> await(long timeoutNanos) {
    lifetime().enter();
    try {
      PollSet poll = POLL.get();
      poll.set(0, heldFd(), Linux.POLLIN);
      return poll.poll(kernel(), timeoutNanos) > 0 ? read() : List.of();
    } finally {
      lifetime().leave();
    }
  }
}
