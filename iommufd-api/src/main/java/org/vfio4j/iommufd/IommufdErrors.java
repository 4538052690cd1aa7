// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

import java.util.List;
import org.vfio4j.Errno;
import org.vfio4j.Units;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.dma.DmaAccess;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.MemoryLock;

/** What the errnos of iommufd mean, and what a person can do. */
final class IommufdErrors {
  private IommufdErrors() {}

  /** Any call, with the reason that its errno has everywhere in iommufd. */
  static VfioException.Builder call(String operation, String object, long result) {
    Errno errno = Errno.ofResult(result);
    Reason reason =
        switch (errno) {
          // E2BIG: a field is set that this kernel does not know.
          case ENOTTY, E2BIG -> Reason.NOT_IN_KERNEL;
          case EOPNOTSUPP -> Reason.NOT_SUPPORTED;
          case ENOENT -> Reason.NO_SUCH_DEVICE;
          case EBUSY, EDEADLK -> Reason.IN_USE;
          case EPERM, EACCES -> Reason.NO_PERMISSION;
          case ENOMEM, ENOSPC, EMFILE, ENFILE -> Reason.LIMIT;
          case EEXIST, EADDRINUSE -> Reason.OVERLAP;
          case EINVAL, EOVERFLOW, EFAULT -> Reason.INVALID_ARGUMENT;
          default -> Reason.OTHER;
        };
    return VfioException.failed(reason, operation).on(object).errno(errno);
  }

  /** The kernel says that its answer has so many elements, or bytes. */
  static VfioException malformed(String operation, String object, int count) {
    return VfioException.failed(Reason.OTHER, operation)
        .on(object)
        .fact(
            "the kernel's answer is malformed: it is said to have a length of "
                + Integer.toUnsignedString(count))
        .hint("this is a bug of the kernel; report it there")
        .build();
  }

  static VfioException destroy(String what, long result) {
    VfioException.Builder failure = call("IOMMU_DESTROY", "of " + what, result);
    return switch (Errno.ofResult(result)) {
      case EBUSY ->
          failure
              .fact("something still uses it: a device attached to it, or an object made from it")
              .hint("detach the devices and close what was made from it first")
              .build();
      case ENOENT -> failure.fact("it does not exist, or was destroyed before").build();
      default -> failure.build();
    };
  }

  static VfioException option(Iommufd iommufd, int option, long result) {
    boolean rlimit = option == IommufdUapi.IOMMU_OPTION_RLIMIT_MODE;
    VfioException.Builder failure =
        call("IOMMU_OPTION", (rlimit ? "RLIMIT_MODE" : "HUGE_PAGES") + " of " + iommufd, result);
    return switch (Errno.ofResult(result)) {
      case EPERM ->
          failure
              .fact("setting it needs CAP_SYS_RESOURCE")
              .hint("run as root, or leave the mode as it is")
              .build();
      case EBUSY ->
          failure
              .fact("the context has objects already")
              .hint("set the mode right after opening /dev/iommu")
              .build();
      case EADDRINUSE -> failure.fact("what is mapped is not aligned to pages").build();
      case EINVAL ->
          failure.fact("something is mapped in the hardware already").hint("set it before").build();
      default -> failure.build();
    };
  }

  static VfioException map(
      Ioas ioas, long userVa, long length, long iova, DmaAccess access, long result) {
    String where = " at IOVA " + Units.hex(iova) + " in " + ioas;
    return mapped("IOMMU_IOAS_MAP", ioas, userVa, length, iova, access, where, result);
  }

  static VfioException mapAnywhere(
      Ioas ioas, long userVa, long length, DmaAccess access, long result) {
    return mapped("IOMMU_IOAS_MAP", ioas, userVa, length, 0, access, " in " + ioas, result);
  }

  static VfioException copy(
      Ioas to, Ioas from, long sourceIova, long length, long iova, DmaAccess access, long result) {
    String where =
        " from IOVA "
            + Units.hex(sourceIova)
            + " in "
            + from
            + " to "
            + Units.hex(iova)
            + " in "
            + to;
    if (Errno.ENOENT.is(result)) {
      return call("IOMMU_IOAS_COPY", "of " + Units.bytes(length) + where, result)
          .fact("not all of the source range is mapped, or one of the two spaces is gone")
          .build();
    }
    if (Errno.EPERM.is(result)) {
      return VfioException.failed(Reason.INVALID_ARGUMENT, "IOMMU_IOAS_COPY")
          .on("of " + Units.bytes(length) + where)
          .result(result)
          .fact("the copy would be writeable, the source is not")
          .build();
    }
    return mapped("IOMMU_IOAS_COPY", to, 0, length, iova, access, where, result);
  }

  private static VfioException mapped(
      String operation,
      Ioas ioas,
      long userVa,
      long length,
      long iova,
      DmaAccess access,
      String where,
      long result) {
    VfioException.Builder failure = call(operation, "of " + Units.bytes(length) + where, result);
    return switch (Errno.ofResult(result)) {
      case EEXIST ->
          failure
              .fact("a part of " + Units.range(iova, length) + " is mapped already")
              .hint("unmap it first, or let the kernel choose the IOVA")
              .build();
      case ENOMEM ->
          failure
              .fact(MemoryLock.read(ioas.kernel()).describe(length))
              .hint(
                  "raise the limit (systemd: LimitMEMLOCK=infinity; shell: ulimit -l), or give the"
                      + " process CAP_IPC_LOCK")
              .build();
      case EFAULT ->
          failure
              .fact(
                  "not all of the memory at "
                      + Units.range(userVa, length)
                      + " is mapped in this process and writeable, or it is memory of a device")
              .build();
      case EINVAL ->
          failure
              .fact(
                  length <= 0
                      ? (length == 0 ? "the length is 0" : "the length is negative")
                      : "the range is unaligned or not allowed" + limits(ioas))
              .hint(
                  access.canWrite()
                      ? ""
                      : "a page table of an Intel VT-d that was made with nestParent() takes"
                          + " nothing for reading alone: use READ_WRITE there")
              .build();
      case EOVERFLOW -> failure.fact("the range does not fit into 64 bits").build();
      case ENOSPC ->
          failure
              .fact(
                  "no free range is that long where the kernel may choose (see allowIovas)"
                      + limits(ioas))
              .build();
      case ENOENT -> failure.fact("the IOAS does not exist any more").build();
      default -> failure.build();
    };
  }

  static VfioException allow(Ioas ioas, List<IovaRange> ranges, long result) {
    VfioException.Builder failure = call("IOMMU_IOAS_ALLOW_IOVAS", ranges + " in " + ioas, result);
    return switch (Errno.ofResult(result)) {
      case EINVAL ->
          failure.fact("ranges overlap each other, or one holds a single address only").build();
      case EADDRINUSE -> failure.fact("a range hits a reserved one" + limits(ioas)).build();
      case ENOENT -> failure.fact("the IOAS does not exist any more").build();
      default -> failure.build();
    };
  }

  /**
   * What the space takes; nothing where that cannot be asked any more, since a failure is underway.
   */
  private static String limits(Ioas ioas) {
    try {
      return ": the alignment is "
          + Units.bytes(ioas.iovaAlignment())
          + ", allowed are "
          + ioas.allowedIovas();
    } catch (VfioException e) {
      return "";
    }
  }

  static VfioException unmap(Ioas ioas, long iova, long length, long result) {
    String object = "of " + Units.range(iova, length) + " in " + ioas;
    VfioException.Builder failure = call("IOMMU_IOAS_UNMAP", object, result);
    return switch (Errno.ofResult(result)) {
      case ENOENT ->
          VfioException.failed(Reason.INVALID_ARGUMENT, "IOMMU_IOAS_UNMAP")
              .on(object)
              .result(result)
              .fact(
                  "nothing is mapped there, or the range holds only a part of a mapping; whole"
                      + " mappings below that part are gone")
              .hint("unmap with the IOVA and the length of the map")
              .build();
      case EINVAL -> failure.fact("the length is 0").build();
      case EOVERFLOW -> failure.fact("the range does not fit into 64 bits").build();
      case EBUSY -> failure.fact("another thread is mapping there at this moment").build();
      case EDEADLK -> failure.fact("a mediated device does not let go of its pages").build();
      default -> failure.build();
    };
  }
}
