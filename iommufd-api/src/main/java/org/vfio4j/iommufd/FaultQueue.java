// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.iommufd.uapi.IommuFaultAlloc;
import org.vfio4j.iommufd.uapi.IommuHwptPageResponse;
import org.vfio4j.iommufd.uapi.IommuHwptPgfault;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.FileObject;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.PollSet;
import org.vfio4j.memory.NativeBlock;

/**
 * Page faults of the devices that are attached to the page tables which were made with this queue:
 * they come in groups, and the device waits until each group is answered, once.
 *
 * <p>Detaching a device, or attaching it elsewhere, answers what is open as refused. The queue
 * stays open until the page tables that were made with it are closed.
 *
 * <p>Thread safe: concurrent readers get different groups. Linux 6.11. Source: {@code
 * drivers/iommu/iommufd/fault.c}.
 */
public final class FaultQueue extends FileObject {
  private static final ThreadLocal<PollSet> POLL = ThreadLocal.withInitial(() -> new PollSet(1));
  private static final ThreadLocal<IommuHwptPageResponse> RESPONSE =
      ThreadLocal.withInitial(IommuHwptPageResponse::new);

  /** What one read takes, unless a single group is longer. */
  private static final int FAULTS_AT_ONCE = 64;

  /** A group is never longer than what a device may have pending. */
  private static final int MOST_FAULTS = 1 << 16;

  private final Iommufd iommufd;
  private final int id;

  private FaultQueue(Iommufd iommufd, int fd, int id, String name) {
    super(iommufd.kernel(), fd, name, iommufd.destroyer(id, name), iommufd.lifetime());
    this.iommufd = iommufd;
    this.id = id;
  }

  static FaultQueue allocate(Iommufd iommufd) {
    IommuFaultAlloc alloc = new IommuFaultAlloc();
    int result =
        iommufd.kernel().ioctl(iommufd.fdForChildren(), IommufdUapi.IOMMU_FAULT_QUEUE_ALLOC, alloc);
    if (result < 0) {
      throw HwptErrors.call("IOMMU_FAULT_QUEUE_ALLOC", "in " + iommufd, result, "6.11").build();
    }
    int id = alloc.outFaultId();
    String name = "fault queue " + id + " of " + iommufd.lifetime().name();
    return new FaultQueue(iommufd, alloc.outFaultFd(), id, name);
  }

  /** Its id inside its iommufd. */
  public int id() {
    return id;
  }

  /**
   * Takes what is pending; never waits.
   *
   * @return the groups, oldest first; empty when nothing is pending
   */
  public List<PageFaults> read() {
    lifetime().enter();
    try {
      for (int room = FAULTS_AT_ONCE; ; room *= 2) {
        NativeBlock buffer = new NativeBlock(room * IommuHwptPgfault.SIZEOF);
        long result = kernel().read(heldFd(), buffer, buffer.capacity());
        // A first group that is longer than the buffer is EINVAL, and with some kernels 0.
        boolean tooShort = Errno.EINVAL.is(result) || (result == 0 && isPending(0));
        if (!tooShort || room >= MOST_FAULTS) {
          return decode(buffer, checked("read", result));
        }
      }
    } finally {
      lifetime().leave();
    }
  }

  /**
   * Waits until something is pending, and takes it.
   *
   * @param timeoutNanos rounded up to milliseconds; negative waits for ever
   * @return the groups, oldest first; empty after the timeout
   */
  public List<PageFaults> await(long timeoutNanos) {
    lifetime().enter();
    try {
      return isPending(timeoutNanos) ? read() : List.of();
    } finally {
      lifetime().leave();
    }
  }

  private boolean isPending(long timeoutNanos) {
    PollSet poll = POLL.get();
    poll.set(0, heldFd(), Linux.POLLIN);
    return poll.poll(kernel(), timeoutNanos) > 0;
  }

  private List<PageFaults> decode(NativeBlock buffer, long bytes) {
    List<PageFaults> groups = new ArrayList<>();
    int count = (int) (bytes / IommuHwptPgfault.SIZEOF);
    for (int first = 0; first < count; ) {
      int end = first;
      List<PageFault> faults = new ArrayList<>();
      boolean last;
      do {
        int at = end * IommuHwptPgfault.SIZEOF;
        faults.add(fault(buffer, at));
        last =
            (buffer.getInt(at + IommuHwptPgfault.FLAGS) & IommufdUapi.IOMMU_PGFAULT_FLAGS_LAST_PAGE)
                != 0;
        end++;
      } while (!last && end < count);
      int at = first * IommuHwptPgfault.SIZEOF;
      DevId device = new DevId(buffer.getInt(at + IommuHwptPgfault.DEV_ID));
      groups.add(
          new PageFaults(
              buffer.getInt(at + IommuHwptPgfault.COOKIE),
              device,
              iommufd.cookieOf(device),
              buffer.getInt(at + IommuHwptPgfault.GRPID),
              faults));
      first = end;
    }
    return List.copyOf(groups);
  }

  private static PageFault fault(NativeBlock buffer, int at) {
    int flags = buffer.getInt(at + IommuHwptPgfault.FLAGS);
    boolean hasPasid = (flags & IommufdUapi.IOMMU_PGFAULT_FLAGS_PASID_VALID) != 0;
    return new PageFault(
        buffer.getLong(at + IommuHwptPgfault.ADDR),
        buffer.getInt(at + IommuHwptPgfault.LENGTH),
        buffer.getInt(at + IommuHwptPgfault.PERM),
        hasPasid
            ? OptionalInt.of(buffer.getInt(at + IommuHwptPgfault.PASID))
            : OptionalInt.empty());
  }

  /**
   * Answers a group: the device may try again, the pages are there now.
   *
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT}: EINVAL when no such group is open: it
   *     was answered before, or its device was detached)
   */
  public void resolve(PageFaults group) {
    respond(group.cookie(), IommufdUapi.IOMMUFD_PAGE_RESP_SUCCESS);
  }

  /** As {@link #resolve}: the device is told that the pages will not be there. */
  public void refuse(PageFaults group) {
    respond(group.cookie(), IommufdUapi.IOMMUFD_PAGE_RESP_INVALID);
  }

  private void respond(int cookie, int code) {
    lifetime().enter();
    try {
      IommuHwptPageResponse response = RESPONSE.get().cookie(cookie).code(code);
      checked("write", kernel().write(heldFd(), response, IommuHwptPageResponse.SIZEOF));
    } finally {
      lifetime().leave();
    }
  }

  private long checked(String operation, long result) {
    if (result >= 0) {
      return result;
    }
    VfioException.Builder failure = IommufdErrors.call(operation, "of " + this, result);
    throw operation.equals("write") && Errno.EINVAL.is(result)
        ? failure
            .fact("no such group is open: it was answered before, or its device was detached")
            .build()
        : failure.build();
  }
}
