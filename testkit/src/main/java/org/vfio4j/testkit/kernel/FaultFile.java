// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;
import org.vfio4j.iommufd.uapi.IommuHwptPageResponse;
import org.vfio4j.iommufd.uapi.IommuHwptPgfault;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.Linux;
import org.vfio4j.testkit.kernel.FaultQueue.Fault;
import org.vfio4j.testkit.kernel.FaultQueue.FaultGroup;

/**
 * Where page faults are read and answered.
 *
 * <p>Source: {@code drivers/iommu/iommufd/fault.c}.
 */
final class FaultFile extends OpenFile {
  private final Core core;
  private final IommufdContext context;
  private final FaultQueue queue;

  FaultFile(Core core, IommufdContext context, FaultQueue queue) {
    super("anon_inode:[iommufd-pgfault]");
    this.core = core;
    this.context = context;
    this.queue = queue;
    context.hold();
    queue.use();
  }

  /** Whole groups only. */
  @Override
  long read(UserPointer target, int length) {
    KernelError.refuseIf(length % IommuHwptPgfault.SIZEOF != 0, Errno.ESPIPE);
    int done = 0;
    for (FaultGroup group = queue.first(); group != null; group = queue.first()) {
      if (group.faults().size() * IommuHwptPgfault.SIZEOF > length - done) {
        boolean refused = done == 0 && core.version().refusesShortFaultReads();
        KernelError.refuseIf(refused, Errno.EINVAL);
        return done;
      }
      int cookie = queue.take();
      try {
        int at = done;
        for (Fault fault : group.faults()) {
          target.put(at, message(group, fault, cookie));
          at += IommuHwptPgfault.SIZEOF;
        }
        done = at;
      } catch (KernelError e) {
        queue.putBack(cookie);
        if (done == 0) {
          throw e;
        }
        return done;
      }
    }
    return done;
  }

  private static byte[] message(FaultGroup group, Fault fault, int cookie) {
    IommuHwptPgfault message =
        new IommuHwptPgfault()
            .flags(fault.flags())
            .devId(group.attachment().device().id())
            .pasid(fault.pasid())
            .grpid(fault.group())
            .perm(fault.permissions())
            .addr(fault.address())
            .cookie(cookie);
    return message.get(0, IommuHwptPgfault.SIZEOF);
  }

  @Override
  long write(UserPointer source, int length) {
    KernelError.refuseIf(length % IommuHwptPageResponse.SIZEOF != 0, Errno.ESPIPE);
    int done = 0;
    try {
      while (done < length) {
        int code = source.getInt(done + IommuHwptPageResponse.CODE);
        boolean known =
            code == IommufdUapi.IOMMUFD_PAGE_RESP_SUCCESS
                || code == IommufdUapi.IOMMUFD_PAGE_RESP_INVALID;
        int cookie = source.getInt(done + IommuHwptPageResponse.COOKIE);
        KernelError.refuseIf(!known || !queue.answer(cookie, code), Errno.EINVAL);
        done += IommuHwptPageResponse.SIZEOF;
      }
    } catch (KernelError e) {
      if (done == 0) {
        throw e;
      }
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
