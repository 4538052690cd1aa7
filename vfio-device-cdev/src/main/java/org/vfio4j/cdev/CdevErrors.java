// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.cdev;

import java.util.OptionalInt;
import java.util.function.Supplier;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.Isolation;
import org.vfio4j.iommufd.IoPageTable;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.FileHolders;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.MemoryLock;
import org.vfio4j.linux.SysfsDevice;

/** What the errnos of binding and attaching mean, and what a person can do. */
final class CdevErrors {
  private CdevErrors() {}

  /** {@code cdev} may be null: then there is no evidence from sysfs. */
  static VfioException bind(
      Kernel kernel, String name, VfioCdev cdev, Iommufd iommufd, long result) {
    Errno errno = Errno.ofResult(result);
    if (errno == Errno.EPERM && cdev != null && cdev.isNoIommu()) {
      return bindFailed(Reason.NO_PERMISSION, name, errno)
          .fact("no IOMMU is in front of the device, which so reaches all memory")
          .hint("it takes CAP_SYS_RAWIO")
          .build();
    }
    return switch (errno) {
      case EPERM ->
          bindFailed(Reason.NOT_VIABLE, name, errno)
              .fact(
                  "the device, or one that cannot be isolated from it, is in other hands"
                      + evidence(cdev, () -> Isolation.of(cdev.device()).toString()))
              .hint(
                  "bind all of them to vfio-pci and to this iommufd, and nothing else. If none is in"
                      + " other hands the machine cannot isolate interrupts: see the parameter"
                      + " allow_unsafe_interrupts of the module iommufd")
              .build();
      case EBUSY ->
          bindFailed(Reason.IN_USE, name, errno)
              .fact(
                  "the device is in use through the other API, or its IOMMU domain is"
                      + evidence(cdev, () -> otherApi(kernel, cdev.device())))
              .hint("a device is opened through one of the two APIs at a time: stop the other user")
              .build();
      case EACCES ->
          bindFailed(Reason.NO_PERMISSION, name, errno)
              .fact("the driver wants the token of the physical function, and got none or another")
              .hint("bind(iommufd, cookie, token), with the token that its user has set")
              .build();
      case EINVAL ->
          bindFailed(Reason.WRONG_STATE, name, errno)
              .fact(
                  "the device is bound already"
                      + evidence(cdev, () -> FileHolders.describe(kernel, cdev.node()))
                      + "; or its IOMMU is not cache coherent, or firmware wants it mapped 1:1")
              .hint("close the other file first: one file of a device can be bound at a time")
              .build();
      case ENODEV ->
          bindFailed(Reason.NO_IOMMU, name, errno)
              .fact("no IOMMU is in front of the device, or its driver is going away")
              .hint("switch the IOMMU on in the firmware and on the kernel command line")
              .build();
      case EAGAIN ->
          bindFailed(Reason.IN_USE, name, errno)
              .fact(
                  "the host binds, unbinds or removes the device at this moment, or makes virtual"
                      + " functions, so that it cannot be reset")
              .hint("try again")
              .build();
      case EBADF, EBADFD ->
          bindFailed(Reason.INVALID_ARGUMENT, name, errno)
              .fact(iommufd + " is no open file of /dev/iommu")
              .hint("a descriptor that is adopted must be one that open of /dev/iommu gave")
              .build();
      case ENOTTY ->
          bindFailed(Reason.NOT_IN_KERNEL, name, errno)
              .fact("the file is not a device node, or the kernel cannot bind")
              .build();
      default -> bindFailed(Reason.OTHER, name, errno).build();
    };
  }

  /** {@code cdev} may be null: then there is no evidence from sysfs. */
  static VfioException tokenRefused(Kernel kernel, String name, VfioCdev cdev) {
    return bindFailed(Reason.NOT_SUPPORTED, name, Errno.EINVAL)
        .fact(
            "the kernel takes no tokens here, or the device has none to show, or it is bound already"
                + evidence(cdev, () -> FileHolders.describe(kernel, cdev.node())))
        .hint(
            "tokens of device nodes need Linux 6.17, and a function with SR-IOV on vfio-pci; without"
                + " one: bind(iommufd, cookie)")
        .build();
  }

  static VfioException attach(BoundDevice device, IoPageTable pageTable, Errno errno) {
    String object = "of " + device + " to " + pageTable;
    return switch (errno) {
      case EINVAL ->
          attachFailed(Reason.INVALID_ARGUMENT, object, errno)
              .fact(
                  "a device that cannot be isolated from this one is attached elsewhere, or the"
                      + " page table does not fit the device")
              .hint("attach such devices to one address space")
              .build();
      case EADDRINUSE ->
          attachFailed(Reason.OVERLAP, object, errno)
              .fact(
                  "something is mapped, or allowed, where this device cannot have it: in a reserved"
                      + " range, beyond the IOMMU's address width, or unaligned to its pages")
              .hint("attach the device before mapping, and map inside allowedIovas()")
              .build();
      case ENOMEM ->
          attachFailed(Reason.LIMIT, object, errno)
              .fact(
                  "what is mapped is locked when the first device is attached: "
                      + MemoryLock.read(device.kernel()).describe(0))
              .hint(
                  "raise the limit (systemd: LimitMEMLOCK=infinity; shell: ulimit -l), or give the"
                      + " process CAP_IPC_LOCK")
              .build();
      case EFAULT ->
          attachFailed(Reason.INVALID_ARGUMENT, object, errno)
              .fact("memory that is mapped there is no longer mapped in the process, or read-only")
              .hint("unmap from the address space first, then give memory back")
              .build();
      case ENOENT ->
          attachFailed(Reason.NO_SUCH_DEVICE, object, errno)
              .fact(pageTable + " does not exist any more, or a mediated device needs an IOAS")
              .hint("attach a mediated device to an Ioas")
              .build();
      case EBUSY ->
          attachFailed(Reason.IN_USE, object, errno)
              .fact("the device, or one that shares its reset, is in reset, or lets go of pages")
              .hint("try again")
              .build();
      default -> attachFailed(Reason.OTHER, object, errno).build();
    };
  }

  static VfioException attachPasid(
      BoundDevice device, int pasid, IoPageTable pageTable, Errno errno) {
    String object = "of PASID " + pasid + " of " + device + " to " + pageTable;
    return switch (errno) {
      case EINVAL ->
          attachFailed(Reason.INVALID_ARGUMENT, object, errno)
              .fact(
                  "the page table, or the one that the device itself is attached to, was not made"
                      + " for PASIDs; or the device has no such PASID; or this kernel has none")
              .hint(
                  "make the page tables with pasid(), see HwInfo.maxPasidLog2(); PASIDs need Linux"
                      + " 6.15")
              .build();
      case EOPNOTSUPP ->
          attachFailed(Reason.NOT_SUPPORTED, object, errno)
              .fact("the device, its driver or its IOMMU has no PASIDs")
              .build();
      case ENOSPC ->
          attachFailed(Reason.INVALID_ARGUMENT, object, errno)
              .fact("no PASID has more than 31 bits")
              .build();
      default -> attach(device, pageTable, errno);
    };
  }

  private static VfioException.Builder bindFailed(Reason reason, String name, Errno errno) {
    return VfioException.failed(reason, UnboundDevice.BIND).on("of " + name).errno(errno);
  }

  private static VfioException.Builder attachFailed(Reason reason, String object, Errno errno) {
    return VfioException.failed(reason, AttachedTo.ATTACH).on(object).errno(errno);
  }

  /**
   * What is known beyond the errno. Asking for it may fail too, as when the device goes away
   * meanwhile: that must not hide the failure that it is asked for.
   */
  private static String evidence(VfioCdev cdev, Supplier<String> evidence) {
    if (cdev == null) {
      return "";
    }
    try {
      String text = evidence.get();
      return text.isEmpty() ? "" : ": " + text;
    } catch (VfioException e) {
      return "";
    }
  }

  /** Who has the file of the older API open. */
  private static String otherApi(Kernel kernel, SysfsDevice device) {
    OptionalInt number = device.iommuGroup();
    return number.isEmpty()
        ? ""
        : FileHolders.describe(kernel, kernel.roots().dev("vfio/" + number.getAsInt()));
  }
}
