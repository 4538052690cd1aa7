// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import java.nio.charset.StandardCharsets;
import org.vfio4j.Errno;
import org.vfio4j.Units;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.MemoryLock;
import org.vfio4j.linux.Result;

/** What the errnos of type1 mean, on a container and on an iommufd, and what a person can do. */
final class Type1Errors {
  static final String UNMAP = "VFIO_IOMMU_UNMAP_DMA";

  private static final String MAP = "VFIO_IOMMU_MAP_DMA";

  private Type1Errors() {}

  static VfioException info(ContainerState container, Type1Iommu iommu, long result) {
    return isGone(container, result)
        ? gone(container, iommu, "VFIO_IOMMU_GET_INFO", "of " + iommu, result)
        : failed(Reason.OTHER, "VFIO_IOMMU_GET_INFO", "of " + iommu, result).build();
  }

  static VfioException map(
      ContainerState container,
      Type1Iommu iommu,
      long userVa,
      long length,
      long iova,
      long result) {
    String object = "of " + Units.bytes(length) + " at IOVA " + Units.hex(iova) + " in " + iommu;
    if (isGone(container, result)) {
      return gone(container, iommu, MAP, object, result);
    }
    return switch (Errno.ofResult(result)) {
      case EEXIST ->
          failed(Reason.OVERLAP, MAP, object, result)
              .fact("a part of " + Units.range(iova, length) + " is mapped already")
              .hint("unmap it first, or let the IOVA be chosen")
              .build();
      case ENOMEM ->
          failed(Reason.LIMIT, MAP, object, result)
              .fact(MemoryLock.read(iommu.kernel()).describe(length))
              .hint(
                  "raise the limit (systemd: LimitMEMLOCK=infinity; shell: ulimit -l), or give the"
                      + " process CAP_IPC_LOCK")
              .build();
      case ENOSPC ->
          failed(Reason.LIMIT, MAP, object, result)
              .fact("the container has as many mappings as it may have: " + entryLimit(iommu))
              .hint(
                  "map fewer and larger areas, or raise the parameter dma_entry_limit of the module"
                      + " vfio_iommu_type1 (for containers whose IOMMU is set after that)")
              .build();
      case EFAULT ->
          failed(Reason.INVALID_ARGUMENT, MAP, object, result)
              .fact(
                  "not all of the memory at "
                      + Units.range(userVa, length)
                      + " is mapped in this process, and writeable where the device may write")
              .build();
      case EINVAL ->
          failed(Reason.INVALID_ARGUMENT, MAP, object, result)
              .fact(
                  length == 0
                      ? "the length is 0"
                      : "IOVA, length or address "
                          + Units.hex(userVa)
                          + " is unaligned, or the range is not allowed"
                          + limits(iommu))
              .build();
      case EOVERFLOW ->
          failed(Reason.INVALID_ARGUMENT, MAP, object, result)
              .fact("the range does not fit into 64 bits")
              .build();
      default -> failed(Reason.OTHER, MAP, object, result).build();
    };
  }

  static VfioException noIovaLeft(Type1Iommu iommu, long length) {
    String object = "of " + Units.bytes(length) + " in " + iommu;
    if (length <= 0) {
      return VfioException.failed(Reason.INVALID_ARGUMENT, MAP)
          .on(object)
          .fact("the length must be positive")
          .build();
    }
    return VfioException.failed(Reason.LIMIT, MAP)
        .on(object)
        .fact("no free range that long was found" + limits(iommu))
        .hint("unmap something, or choose the IOVA")
        .build();
  }

  /** {@code result} is 0 when the kernel found nothing to unmap. */
  static VfioException unmap(
      ContainerState container, Type1Iommu iommu, long iova, long length, long result) {
    String object = "of " + Units.range(iova, length) + " in " + iommu;
    if (result == 0) {
      return VfioException.failed(Reason.INVALID_ARGUMENT, UNMAP)
          .on(object)
          .fact(
              iommu.type() == IommuType.TYPE1 && !container.iommufd()
                  ? "nothing was unmapped: nothing is mapped there, or the range starts inside a"
                      + " mapping"
                  : "nothing is mapped there")
          .hint("unmap with the IOVA and the length of the map")
          .build();
    }
    if (isGone(container, result)) {
      return gone(container, iommu, UNMAP, object, result);
    }
    return switch (Errno.ofResult(result)) {
      case EINVAL ->
          failed(Reason.INVALID_ARGUMENT, UNMAP, object, result)
              .fact(
                  length == 0
                      ? "the length is 0"
                      : "the range would split a mapping, or is unaligned" + limits(iommu))
              .hint("unmap with the IOVA and the length of the map")
              .build();
      // Only on an iommufd.
      case ENOENT ->
          failed(Reason.INVALID_ARGUMENT, UNMAP, object, result)
              .fact(
                  "the range would split a mapping (whole mappings below that one are gone), or"
                      + " nothing is mapped there")
              .hint("unmap with the IOVA and the length of the map")
              .build();
      case EOVERFLOW ->
          failed(Reason.INVALID_ARGUMENT, UNMAP, object, result)
              .fact("the range does not fit into 64 bits")
              .build();
      case EDEADLK, EBUSY ->
          failed(Reason.IN_USE, UNMAP, object, result)
              .fact("a mediated device does not let go of its pages, or another thread maps there")
              .build();
      default -> failed(Reason.OTHER, UNMAP, object, result).build();
    };
  }

  static VfioException unmapAll(ContainerState container, Type1Iommu iommu, long result) {
    String object = "of everything in " + iommu;
    return isGone(container, result)
        ? gone(container, iommu, UNMAP, object, result)
        : failed(Reason.OTHER, UNMAP, object, result).build();
  }

  static VfioException dirtyPages(
      ContainerState container, Type1Iommu iommu, String object, long result) {
    String operation = "VFIO_IOMMU_DIRTY_PAGES";
    if (isGone(container, result)) {
      return gone(container, iommu, operation, object, result);
    }
    return switch (Errno.ofResult(result)) {
      case EACCES ->
          failed(Reason.NOT_SUPPORTED, operation, object, result)
              .fact(iommu.type() + " has no dirty page logging")
              .hint("set IommuType.TYPE1_V2")
              .build();
      case ENOTTY ->
          failed(Reason.NOT_IN_KERNEL, operation, object, result)
              .fact(
                  container.iommufd()
                      ? "an iommufd in the container's place has no dirty page logging"
                      : "the kernel does not know the call")
              .hint("it needs Linux 5.8, and a container; an iommufd tracks with page tables")
              .build();
      case EINVAL ->
          failed(Reason.INVALID_ARGUMENT, operation, object, result)
              .fact(
                  "the range splits a mapping, or the page size is not the smallest of the IOMMU,"
                      + " or logging does not run")
              .hint("startDirtyLogging() first, and ask with the ranges that were mapped")
              .build();
      case ENOMEM ->
          failed(Reason.LIMIT, operation, object, result)
              .fact("the kernel has no memory for the bitmaps")
              .build();
      default -> failed(Reason.OTHER, operation, object, result).build();
    };
  }

  /** With VADDR, of MAP_DMA and UNMAP_DMA. */
  static VfioException address(
      ContainerState container, Type1Iommu iommu, long iova, long length, long result) {
    String operation = "change of address";
    String object = "of " + Units.range(iova, length) + " in " + iommu;
    if (isGone(container, result)) {
      return gone(container, iommu, operation, object, result);
    }
    return Errno.EBUSY.is(result)
        ? failed(Reason.IN_USE, operation, object, result)
            .fact("a mediated device is in the container, and needs the address all the time")
            .build()
        : failed(
                Errno.ENOENT.is(result) || Errno.EINVAL.is(result)
                    ? Reason.INVALID_ARGUMENT
                    : Reason.OTHER,
                operation,
                object,
                result)
            .fact(
                "it is not what was mapped, or not in the state for it, or VFIO_UPDATE_VADDR is 0"
                    + " here")
            .hint("container.checkExtension(VfioGroupUapi.VFIO_UPDATE_VADDR) tells")
            .build();
  }

  /** Asks the kernel, for EINVAL has many causes. */
  private static boolean isGone(ContainerState container, long result) {
    return Errno.ENODEV.is(result) || (Errno.EINVAL.is(result) && container.mappingsAreGone());
  }

  private static VfioException gone(
      ContainerState container, Type1Iommu iommu, String operation, String object, long result) {
    if (iommu.isClosed()) {
      return failed(Reason.CLOSED, operation, object, result)
          .fact("it was closed by another thread meanwhile")
          .build();
    }
    return failed(Reason.WRONG_STATE, operation, object, result)
        .fact(
            container.iommufd()
                ? "the iommufd has no IOAS for containers any more"
                : "the container has no IOMMU any more: its last group has left, and the mappings"
                    + " went with it")
        .hint("close this, let a group join, and set the IOMMU again")
        .build();
  }

  private static VfioException.Builder failed(
      Reason reason, String operation, String object, long result) {
    return VfioException.failed(reason, operation).on(object).result(result);
  }

  /**
   * What the space takes; nothing where that cannot be asked any more, since a failure is underway.
   */
  private static String limits(Type1Iommu iommu) {
    try {
      return ": the alignment is "
          + Units.bytes(iommu.iovaAlignment())
          + ", allowed are "
          + iommu.allowedIovas();
    } catch (VfioException e) {
      return "";
    }
  }

  private static String entryLimit(Type1Iommu iommu) {
    Kernel kernel = iommu.kernel();
    String parameter = kernel.roots().sys("module/vfio_iommu_type1/parameters/dma_entry_limit");
    Result<byte[]> limit = kernel.readFile(parameter);
    return limit.isOk()
        ? parameter + " is " + new String(limit.value(), StandardCharsets.US_ASCII).strip()
        : "65535, unless dma_entry_limit says otherwise";
  }
}
