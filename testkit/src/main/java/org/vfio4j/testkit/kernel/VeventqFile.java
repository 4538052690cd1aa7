// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.iommufd.uapi.IommufdVeventHeader;
import org.vfio4j.linux.Linux;
import org.vfio4j.testkit.kernel.Veventq.Event;
import org.vfio4j.testkit.machine.KernelVersion;

/**
 * Where events of a virtual IOMMU are read.
 *
 * <p>Source: {@code drivers/iommu/iommufd/eventq.c}.
 */
final class VeventqFile extends OpenFile {
  private final KernelVersion version;
  private final IommufdContext context;
  private final Veventq queue;

  VeventqFile(KernelVersion version, IommufdContext context, Veventq queue) {
    super("anon_inode:[iommufd-viommu-event]");
    this.version = version;
    this.context = context;
    this.queue = queue;
    context.hold();
    queue.use();
  }

  /** Whole events only. */
  @Override
  long read(UserPointer target, int length) {
    int done = 0;
    for (Event event = queue.first(); event != null; event = queue.first()) {
      int size = IommufdVeventHeader.SIZEOF + event.data().length;
      if (size > length - done) {
        boolean refused = done == 0 && version.refusesShortFaultReads();
        KernelError.refuseIf(refused, Errno.EINVAL);
        return done;
      }
      IommufdVeventHeader header =
          new IommufdVeventHeader()
              .flags(event.isLoss() ? IommufdUapi.IOMMU_VEVENTQ_FLAG_LOST_EVENTS : 0)
              .sequence(event.sequence());
      try {
        target.put(done, header.get(0, IommufdVeventHeader.SIZEOF));
        target.put(done + IommufdVeventHeader.SIZEOF, event.data());
      } catch (KernelError e) {
        if (done == 0) {
          throw e;
        }
        return done;
      }
      queue.remove();
      done += size;
    }
    return done;
  }

  @Override
  int ready() {
    return Linux.POLLOUT | (queue.first() == null ? 0 : Linux.POLLIN);
  }

  @Override
  void release() {
    queue.unuse();
    context.drop();
  }
}
