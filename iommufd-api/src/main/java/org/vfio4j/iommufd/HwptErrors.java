// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.dma.DirtyBitmap;
import org.vfio4j.iommufd.uapi.IommuHwptAlloc;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.MemoryLock;

/** What the errnos of hardware page tables mean, and what a person can do. */
final class HwptErrors {
  private HwptErrors() {}

  /** A call that the kernel may lack: since which release it has it. */
  static VfioException.Builder call(
      String operation, String object, long result, String firstKernel) {
    VfioException.Builder failure = IommufdErrors.call(operation, object, result);
    return Errno.ENOTTY.is(result)
        ? failure
            .fact("this kernel has no " + operation)
            .hint("it needs Linux " + firstKernel + " or later with CONFIG_IOMMUFD")
        : failure;
  }

  static VfioException allocate(String what, IommuHwptAlloc alloc, Iommufd iommufd, long result) {
    VfioException.Builder failure = call("IOMMU_HWPT_ALLOC", what, result, "6.6");
    return switch (Errno.ofResult(result)) {
      case EOPNOTSUPP ->
          failure
              .fact("this kernel or this IOMMU cannot do " + wanted(alloc))
              .hint("ask Iommufd.hwInfo(device) what the IOMMU can")
              .build();
      case E2BIG ->
          VfioException.failed(Reason.NOT_IN_KERNEL, "IOMMU_HWPT_ALLOC")
              .on(what)
              .result(result)
              .fact("this kernel does not know all of " + wanted(alloc))
              .hint("data need Linux 6.7, a fault queue Linux 6.11")
              .build();
      case ENOENT ->
          failure
              .fact(
                  "the device is not one that the IOMMU serves (a mediated device is not), or an"
                      + " object that was named does not exist any more")
              .build();
      case EINVAL ->
          failure
              .fact(
                  alloc.dataLen() == 0
                      ? "the address space does not exist any more, or not for this IOMMU"
                      : "the parent is gone, was not made as one, is of another IOMMU, or the"
                          + " data are wrong")
              .hint(alloc.dataLen() == 0 ? "" : "make the parent with nestParent()")
              .build();
      case EADDRINUSE ->
          failure
              .fact("something is mapped, or is allowed to be, where the IOMMU cannot")
              .hint("compare with Ioas.allowedIovas() of a space with a device attached")
              .build();
      case EFAULT ->
          failure.fact("memory that is mapped, or the data, cannot be read by the kernel").build();
      case ENOMEM ->
          failure
              .fact(MemoryLock.read(iommufd.kernel()).describe(0))
              .hint("what is mapped is locked from now on: raise the limit (shell: ulimit -l)")
              .build();
      default -> failure.build();
    };
  }

  private static String wanted(IommuHwptAlloc alloc) {
    int flags = alloc.flags();
    StringBuilder wanted = new StringBuilder("a page table");
    add(wanted, flags & IommufdUapi.IOMMU_HWPT_ALLOC_NEST_PARENT, " for nesting");
    add(wanted, flags & IommufdUapi.IOMMU_HWPT_ALLOC_DIRTY_TRACKING, " with dirty tracking");
    add(wanted, flags & IommufdUapi.IOMMU_HWPT_FAULT_ID_VALID, " with a fault queue");
    add(wanted, flags & IommufdUapi.IOMMU_HWPT_ALLOC_PASID, " for PASIDs");
    add(wanted, alloc.dataLen(), " with data of type " + alloc.dataType());
    return wanted.toString();
  }

  private static void add(StringBuilder text, int asked, String words) {
    if (asked != 0) {
      text.append(words);
    }
  }

  static VfioException dirtyTracking(PagingHwpt hwpt, long result) {
    VfioException.Builder failure =
        call("IOMMU_HWPT_SET_DIRTY_TRACKING", "of " + hwpt, result, "6.7");
    return Errno.EOPNOTSUPP.is(result) ? notMadeForIt(failure) : failure.build();
  }

  static VfioException dirtyBitmap(PagingHwpt hwpt, DirtyBitmap bitmap, long result) {
    VfioException.Builder failure =
        call("IOMMU_HWPT_GET_DIRTY_BITMAP", "of " + hwpt + ", " + bitmap, result, "6.7");
    return switch (Errno.ofResult(result)) {
      case EOPNOTSUPP -> notMadeForIt(failure);
      case EINVAL -> failure.fact("the range is not aligned as mappings are").build();
      default -> failure.build();
    };
  }

  private static VfioException notMadeForIt(VfioException.Builder failure) {
    return failure
        .fact("the page table was not made with dirty tracking")
        .hint("Ioas.hwpt(device).dirtyTracking(), where HwInfo.canTrackDirty()")
        .build();
  }

  static VfioException hwInfo(Iommufd iommufd, DevId device, boolean chosen, long result) {
    VfioException.Builder failure =
        call("IOMMU_GET_HW_INFO", "of " + device + " in " + iommufd, result, "6.6");
    return switch (Errno.ofResult(result)) {
      case ENOENT ->
          failure
              .fact("it is not bound here, or is a mediated device, which has no IOMMU of its own")
              .build();
      case EOPNOTSUPP ->
          failure
              .fact(
                  chosen
                      ? "this IOMMU does not tell that, or the kernel gives no choice"
                      : "the kernel knows the call in another form")
              .hint(chosen ? "choosing needs Linux 6.17" : "")
              .build();
      default -> failure.build();
    };
  }

  static VfioException invalidate(String what, Invalidations entries, long result) {
    return call("IOMMU_HWPT_INVALIDATE", "of " + entries + " in " + what, result, "6.8")
        .fact(entries.done() + " of " + entries.count() + " entries were done")
        .build();
  }
}
