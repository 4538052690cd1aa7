// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.group;

import org.vfio4j.Errno;
import org.vfio4j.KernelNeeds;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

/** What the errnos of the IOMMU of POWER servers mean, and what a person can do. */
final class SpaprErrors {
  private static final String SET_IOMMU = "VFIO_SET_IOMMU";

  private SpaprErrors() {}

  static VfioException setIommu(ContainerState container, SpaprIommu.Version version, long result) {
    String object = "sPAPR " + version + " of " + container.name();
    return switch (Errno.ofResult(result)) {
      case EINVAL ->
          container.iommufd()
              ? absent(object, result)
              : VfioException.failed(Reason.WRONG_STATE, SET_IOMMU)
                  .on(object)
                  .result(result)
                  .fact(
                      container.mappingsAreGone()
                          ? "no group has joined, or the IOMMU cannot take the groups that have"
                          : "an IOMMU is set already")
                  .hint("let a group join first: group.join(container)")
                  .build();
      case ENODEV -> absent(object, result);
      case EPERM ->
          VfioException.failed(Reason.NO_PERMISSION, SET_IOMMU).on(object).result(result).build();
      case EBUSY ->
          VfioException.failed(Reason.IN_USE, SET_IOMMU).on(object).result(result).build();
      case ENOMEM ->
          VfioException.failed(Reason.LIMIT, SET_IOMMU).on(object).result(result).build();
      default -> VfioException.failed(Reason.OTHER, SET_IOMMU).on(object).result(result).build();
    };
  }

  private static VfioException absent(String object, long result) {
    return VfioException.failed(Reason.NOT_IN_KERNEL, SET_IOMMU)
        .on(object)
        .result(result)
        .fact("this machine has no such IOMMU, or its kernel no driver for it")
        .hint(
            "it needs a POWER server and "
                + KernelNeeds.of("VFIO_SPAPR_TCE_IOMMU").orElseThrow()
                + "; elsewhere use setIommu(IommuType.TYPE1_V2)")
        .build();
  }

  static VfioException noEeh(VfioContainer container) {
    return VfioException.failed(Reason.NOT_SUPPORTED, "VFIO_CHECK_EXTENSION")
        .on("VFIO_EEH of " + container)
        .fact("this machine has no error handling of its groups, or it is switched off")
        .build();
  }

  static VfioException call(String operation, SpaprIommu iommu, long result) {
    Errno errno = Errno.ofResult(result);
    VfioException.Builder failure =
        VfioException.failed(reason(errno), operation).on("of " + iommu).errno(errno);
    return switch (errno) {
      case ENOTTY ->
          failure.fact("the other version has this call, " + iommu.version() + " has not").build();
      case ENXIO ->
          failure.fact("no window has this address, or no group is in the container").build();
      case EPERM ->
          failure
              .fact(
                  "memory cannot be mapped yet (see enable and registerMemory), another process has"
                      + " set the IOMMU, or the machine does not allow it")
              .build();
      default -> failure.build();
    };
  }

  private static Reason reason(Errno errno) {
    return switch (errno) {
      case ENOTTY, ENXIO, EOPNOTSUPP -> Reason.NOT_SUPPORTED;
      case ENODEV, ENOENT -> Reason.NO_SUCH_DEVICE;
      case EPERM -> Reason.NO_PERMISSION;
      case EBUSY, EAGAIN -> Reason.IN_USE;
      case ENOMEM, ENOSPC -> Reason.LIMIT;
      case EINVAL, EFAULT -> Reason.INVALID_ARGUMENT;
      case EIO -> Reason.DEVICE_FAULT;
      default -> Reason.OTHER;
    };
  }
}
