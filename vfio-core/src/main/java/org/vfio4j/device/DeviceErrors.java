// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import org.vfio4j.Errno;
import org.vfio4j.Units;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.linux.Linux;

/** What the errnos of an open device file mean, and what a person can do. */
final class DeviceErrors {
  private DeviceErrors() {}

  /** Any call, with the reason that its errno has everywhere on a device file. */
  static VfioException.Builder call(String operation, String object, long result) {
    Errno errno = Errno.ofResult(result);
    Reason reason =
        switch (errno) {
          case ENOTTY -> Reason.NOT_IN_KERNEL;
          case EOPNOTSUPP -> Reason.NOT_SUPPORTED;
          case EINVAL, EFAULT, EBADF, E2BIG, EOVERFLOW -> Reason.INVALID_ARGUMENT;
          case EIO -> Reason.DEVICE_FAULT;
          case ENODEV, ENXIO -> Reason.NO_SUCH_DEVICE;
          case EBUSY, EAGAIN -> Reason.IN_USE;
          case EPERM, EACCES -> Reason.NO_PERMISSION;
          case ENOMEM, ENOSPC, EMFILE, ENFILE -> Reason.LIMIT;
          default -> Reason.OTHER;
        };
    return VfioException.failed(reason, operation).on(object).errno(errno);
  }

  static VfioException info(VfioDevice device, long result) {
    String operation = "VFIO_DEVICE_GET_INFO";
    return switch (Errno.ofResult(result)) {
      case EINVAL ->
          VfioException.failed(Reason.WRONG_STATE, operation)
              .on("of " + device)
              .result(result)
              .fact("the device file is not bound: until then the kernel refuses every other call")
              .hint("bind it to an iommufd first: VFIO_DEVICE_BIND_IOMMUFD")
              .build();
      case ENOTTY ->
          call(operation, "of " + device, result)
              .fact("the file is not a VFIO device file")
              .hint("a container or group file is not one; ask the group for the device's file")
              .build();
      default -> failed(operation, "of " + device, result);
    };
  }

  /** A call whose arguments were checked: without a fact beyond the errno, but for these. */
  static VfioException failed(String operation, String object, long result) {
    VfioException.Builder failure = call(operation, object, result);
    return switch (Errno.ofResult(result)) {
      case EIO ->
          failure
              .fact("the device could not be woken, or does not answer")
              .hint("dmesg may say why")
              .build();
      case ENODEV -> failure.fact("the device is gone").build();
      default -> failure.build();
    };
  }

  static VfioException noSuchIndex(
      VfioDevice device, String operation, String what, int index, int count) {
    return VfioException.failed(Reason.INVALID_ARGUMENT, operation)
        .on("of " + what + " " + index + " of " + device)
        .fact("the device has " + count + ", counted from 0")
        .build();
  }

  /** The kernel counts the index but this device has nothing there. */
  static VfioException notThere(String operation, String object) {
    return VfioException.failed(Reason.NOT_SUPPORTED, operation)
        .on(object)
        .fact("this device does not have it")
        .build();
  }

  static VfioException access(Region region, boolean write, long offset, long length, long result) {
    String operation = write ? "pwrite" : "pread";
    String object =
        "of " + Units.bytes(length) + " at offset " + Units.hex(offset) + " of " + region;
    if (result >= 0) {
      return VfioException.failed(Reason.DEVICE_FAULT, operation)
          .on(object)
          .fact("the kernel moved " + Units.bytes(result) + " only")
          .build();
    }
    VfioException.Builder failure = call(operation, object, result);
    return switch (Errno.ofResult(result)) {
      case EIO ->
          failure
              .fact(
                  "the device did not answer: its memory or I/O decoding is off, or it is in reset")
              .hint("set the memory bit of the PCI command register: config().enableMemory(true)")
              .build();
      case EINVAL -> failure.fact("the driver of the device refuses such an access there").build();
      case ENODEV -> failure.fact("the device is gone").build();
      default -> failure.build();
    };
  }

  /** An access that would not reach the region, or not as it was meant. */
  static VfioException badAccess(Region region, boolean write, long offset, long length) {
    RegionInfo info = region.info();
    String operation = write ? "write" : "read";
    String object =
        "of " + Units.bytes(length) + " at offset " + Units.hex(offset) + " of " + region;
    if (!info.isPresent()) {
      return notThere(operation, object);
    }
    if (!info.has(write ? RegionInfo.Flag.WRITE : RegionInfo.Flag.READ)) {
      return VfioException.failed(Reason.NOT_SUPPORTED, operation)
          .on(object)
          .fact(
              "the region can not be "
                  + (write ? "written" : "read")
                  + ": its flags are "
                  + info.flags())
          .build();
    }
    boolean inside = offset >= 0 && length >= 0 && offset <= info.size() - length;
    return VfioException.failed(Reason.INVALID_ARGUMENT, operation)
        .on(object)
        .fact(
            inside
                ? "the offset is not a multiple of the access width"
                : "the region has " + Units.bytes(info.size()))
        .build();
  }

  static VfioException notMappable(Region region) {
    RegionInfo info = region.info();
    if (!info.isPresent()) {
      return notThere("mmap", "of " + region);
    }
    return VfioException.failed(Reason.NOT_SUPPORTED, "mmap")
        .on("of " + region + " (" + Units.bytes(info.size()) + ")")
        .fact(
            info.has(RegionInfo.Flag.MMAP)
                ? "the kernel lists no area of it that can be mapped"
                : "the region cannot be mapped: its flags are " + info.flags())
        .hint("use the region's own accessors, which make a system call each")
        .build();
  }

  static VfioException map(Region region, RegionInfo.Area area, int protection, Errno errno) {
    String object =
        "of "
            + area
            + " of "
            + region
            + " to "
            + ((protection & Linux.PROT_READ) != 0 ? "read " : "")
            + ((protection & Linux.PROT_WRITE) != 0 ? "write" : "");
    VfioException.Builder failure = call("mmap", object.strip(), errno.result());
    return switch (errno) {
      case EBUSY ->
          failure
              .fact("something else on this machine has claimed the addresses of the region")
              .hint("/proc/iomem names it; a frame buffer console is a common one")
              .build();
      case ENOMEM ->
          failure.fact("the process has no address space left").hint("see ulimit -v").build();
      case EINVAL -> failure.fact("the driver of the device refuses to map this").build();
      default -> failure.build();
    };
  }

  static String vectors(int count) {
    return count == 1 ? "1 vector" : Integer.toUnsignedString(count) + " vectors";
  }

  static VfioException irqAbsent(IrqIndex irq) {
    return notThere("VFIO_DEVICE_SET_IRQS", "of " + irq);
  }

  static VfioException tooManyVectors(IrqIndex irq, int wanted, int available) {
    return VfioException.failed(Reason.LIMIT, "VFIO_DEVICE_SET_IRQS")
        .on("of " + irq + " for " + vectors(wanted))
        .fact(available + " can be had; the device has " + irq.info().count())
        .hint("ask for " + vectors(available) + " or fewer")
        .build();
  }

  static VfioException enable(IrqIndex irq, int vectors, long result, String enabled) {
    String operation = "VFIO_DEVICE_SET_IRQS";
    String object = "of " + irq + " for " + vectors(vectors);
    VfioException.Builder failure = call(operation, object, result);
    return switch (Errno.ofResult(result)) {
      case EINVAL ->
          VfioException.failed(Reason.WRONG_STATE, operation)
              .on(object)
              .result(result)
              .fact(
                  "a PCI function has one of INTX, MSI and MSIX enabled at a time; through this"
                      + " object enabled is "
                      + enabled)
              .hint("close the Interrupts of the other one first")
              .build();
      case ENOSPC, ENOMEM -> failure.fact("the host has no interrupt vector left").build();
      default -> failed(operation, object, result);
    };
  }

  static VfioException alreadyEnabled(IrqIndex irq) {
    return VfioException.failed(Reason.WRONG_STATE, "VFIO_DEVICE_SET_IRQS")
        .on("of " + irq)
        .fact("it is enabled already")
        .hint("close the Interrupts that stand for it first")
        .build();
  }

  static VfioException noResize(IrqIndex irq) {
    return VfioException.failed(Reason.NOT_SUPPORTED, "VFIO_DEVICE_SET_IRQS")
        .on("to enable more of " + irq)
        .fact("the number of its vectors is fixed while it is enabled: " + irq.info())
        .hint(
            "enable as many as will be needed at once; MSI-X can grow since Linux 6.5, where the"
                + " host's interrupt controller can")
        .build();
  }

  static VfioException noSuchVector(String irq, int vector, int count) {
    return VfioException.failed(Reason.INVALID_ARGUMENT, "use")
        .on("of vector " + vector + " of " + irq)
        .fact("it was enabled with " + vectors(count) + ", counted from 0")
        .build();
  }

  static VfioException notMaskable(String irq) {
    return VfioException.failed(Reason.NOT_SUPPORTED, "VFIO_DEVICE_SET_IRQS")
        .on("to mask " + irq)
        .fact("VFIO can mask the interrupt line (INTX) only")
        .hint("mask MSI and MSI-X in the device's own registers")
        .build();
  }

  static VfioException reset(VfioDevice device, DeviceInfo info, long result) {
    String operation = "VFIO_DEVICE_RESET";
    String object = "of " + device;
    return switch (Errno.ofResult(result)) {
      case EINVAL, ENOTTY ->
          VfioException.failed(Reason.NOT_SUPPORTED, operation)
              .on(object)
              .result(result)
              .fact(
                  info.has(DeviceInfo.Flag.RESET)
                      ? "the driver of the device refuses, though it says that it can reset it"
                      : "the device has no reset of its own: no FLR, no PM reset, not alone on its bus")
              .hint("a reset of the whole bus or slot (hot reset) may do")
              .build();
      case EAGAIN ->
          call(operation, object, result)
              .fact("another operation holds the device at this moment")
              .hint("try again")
              .build();
      default -> failed(operation, object, result);
    };
  }

  static VfioException feature(VfioDevice device, DeviceFeature feature, String what, long result) {
    String operation = "VFIO_DEVICE_FEATURE (" + what + " " + feature + ")";
    String object = "of " + device;
    return switch (Errno.ofResult(result)) {
      case ENOTTY, EOPNOTSUPP ->
          VfioException.failed(Reason.NOT_SUPPORTED, operation)
              .on(object)
              .result(result)
              .fact("the driver of the device does not offer it, or the kernel does not have it")
              .hint(
                  "it needs "
                      + feature.needs().orElseThrow()
                      + ", and a driver of VFIO that can; features().all() says what there is")
              .build();
      default -> failed(operation, object, result);
    };
  }
}
