// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

import org.vfio4j.Errno;
import org.vfio4j.Units;
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
                          + readOnly(alloc)
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

  /** Source: __domain_mapping() in drivers/iommu/intel/iommu.c. */
  private static String readOnly(IommuHwptAlloc alloc) {
    return (alloc.flags() & IommufdUapi.IOMMU_HWPT_ALLOC_NEST_PARENT) == 0
        ? ""
        : ", or something in it is mapped for reading alone, which an Intel VT-d refuses in a page"
            + " table for nesting";
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

  static VfioException viommu(PagingHwpt parent, DevId device, long result) {
    String what = "for " + device + " over " + parent;
    VfioException.Builder failure = call("IOMMU_VIOMMU_ALLOC", what, result, "6.13");
    return switch (Errno.ofResult(result)) {
      case EOPNOTSUPP -> failure.fact("this IOMMU has no virtual IOMMUs of that type").build();
      case EINVAL ->
          failure
              .fact("the page table was not made as a parent, or the data are wrong")
              .hint("make it with nestParent()")
              .build();
      case E2BIG ->
          VfioException.failed(Reason.NOT_IN_KERNEL, "IOMMU_VIOMMU_ALLOC")
              .on(what)
              .result(result)
              .fact("this kernel takes no data for a virtual IOMMU")
              .hint("they need Linux 6.17")
              .build();
      default -> failure.build();
    };
  }

  static VfioException vdevice(String what, long result) {
    VfioException.Builder failure = call("IOMMU_VDEVICE_ALLOC", what, result, "6.13");
    return switch (Errno.ofResult(result)) {
      case EEXIST ->
          failure.fact("the guest has the id already, or the device an id of this guest").build();
      case EINVAL -> failure.fact("the device is behind another IOMMU").build();
      default -> failure.build();
    };
  }

  static VfioException eventQueue(Viommu viommu, int type, int depth, long result) {
    VfioException.Builder failure =
        call(
            "IOMMU_VEVENTQ_ALLOC",
            "of type " + Integer.toUnsignedString(type) + " and depth " + depth + " in " + viommu,
            result,
            "6.15");
    return switch (Errno.ofResult(result)) {
      case EEXIST -> failure.fact("there is a queue of that type already").build();
      case EINVAL -> failure.fact("the depth is 0, or more than the kernel allows").build();
      default -> failure.build();
    };
  }

  static VfioException hwQueue(Viommu viommu, long iova, long length, long result) {
    VfioException.Builder failure =
        call(
            "IOMMU_HW_QUEUE_ALLOC",
            "at " + Units.range(iova, length) + " in " + viommu,
            result,
            "6.17");
    return switch (Errno.ofResult(result)) {
      case ENOENT -> failure.fact("not all of that range is mapped").build();
      case EFAULT ->
          failure
              .fact("the pages of that range do not lie side by side in memory")
              .hint("use one huge page")
              .build();
      default -> failure.build();
    };
  }

  static VfioException changeProcess(Iommufd iommufd, long result) {
    VfioException.Builder failure =
        call("IOMMU_IOAS_CHANGE_PROCESS", "of " + iommufd, result, "6.13");
    return switch (Errno.ofResult(result)) {
      case EINVAL ->
          failure
              .fact("something is mapped that is not a file's, and so belongs to a process")
              .hint("map files only: Ioas.mapFile")
              .build();
      case ENOMEM -> failure.fact(MemoryLock.read(iommufd.kernel()).describe(0)).build();
      default -> failure.build();
    };
  }

  static VfioException mapFile(Ioas ioas, int fd, long start, long length, long result) {
    VfioException.Builder failure =
        call(
            "IOMMU_IOAS_MAP_FILE",
            "of "
                + Units.bytes(length)
                + " of fd "
                + fd
                + " from "
                + Units.hex(start)
                + " in "
                + ioas,
            result,
            "6.13");
    return switch (Errno.ofResult(result)) {
      case EBADF ->
          VfioException.failed(Reason.INVALID_ARGUMENT, "IOMMU_IOAS_MAP_FILE")
              .on("of fd " + fd + " in " + ioas)
              .result(result)
              .fact("no such file is open")
              .build();
      case EINVAL ->
          failure
              .fact(
                  "it is no file of memory (memfd, hugetlbfs), or the range is wrong or unaligned")
              .build();
      case EEXIST -> failure.fact("a part of the range is mapped already").build();
      case ENOMEM -> failure.fact(MemoryLock.read(ioas.kernel()).describe(length)).build();
      default -> failure.build();
    };
  }

  static VfioException mmap(Iommufd iommufd, long offset, long length, Errno errno) {
    Reason reason =
        switch (errno) {
          case ENODEV -> Reason.NOT_IN_KERNEL;
          case ENXIO, EINVAL -> Reason.INVALID_ARGUMENT;
          default -> Reason.OTHER;
        };
    return VfioException.failed(reason, "mmap")
        .on("of " + Units.range(offset, length) + " of " + iommufd)
        .errno(errno)
        .fact(
            errno == Errno.ENODEV
                ? "this kernel has no memory in /dev/iommu that could be mapped"
                : "no object of this context has told this offset and length")
        .hint(errno == Errno.ENODEV ? "it needs Linux 6.17 or later" : "")
        .build();
  }

  static VfioException physical(Ioas ioas, long iova, long result) {
    VfioException.Builder failure =
        call(
            "IOMMU_IOAS_NOIOMMU_GET_PA",
            "of IOVA " + Units.hex(iova) + " in " + ioas,
            result,
            "7.3 (with CONFIG_IOMMUFD_NOIOMMU)");
    return switch (Errno.ofResult(result)) {
      case EPERM -> failure.fact("it needs CAP_SYS_RAWIO").hint("run as root").build();
      case EINVAL -> failure.fact("no device without an IOMMU is attached to the space").build();
      case ENOENT -> failure.fact("nothing is mapped there").build();
      default -> failure.build();
    };
  }
}
