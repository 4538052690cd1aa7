// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;
import org.vfio4j.cdev.uapi.VfioCdevUapi;
import org.vfio4j.cdev.uapi.VfioDeviceAttachIommufdPt;
import org.vfio4j.cdev.uapi.VfioDeviceBindIommufd;
import org.vfio4j.cdev.uapi.VfioDeviceDetachIommufdPt;
import org.vfio4j.memory.MappedMemory;

/**
 * An open device, from its group or from its node. From the node it does nothing until it is bound.
 *
 * <p>Source: {@code drivers/vfio/vfio_main.c} and {@code device_cdev.c}.
 */
final class DeviceFile extends OpenFile {
  private static final int VFIO_DEVICE_FEATURE = 0x3B75;
  private static final int FEATURE_SIZE = 8;
  private static final int FEATURE_GET = 1 << 16;
  private static final int FEATURE_SET = 1 << 17;
  private static final int FEATURE_PROBE = 1 << 18;
  private static final int FEATURE_FLAGS = 0xffff | FEATURE_GET | FEATURE_SET | FEATURE_PROBE;

  private final Core core;
  private final VfioDevice device;
  private final boolean fromGroup;
  private boolean granted;

  DeviceFile(Core core, VfioDevice device, boolean fromGroup, String name) {
    super(name);
    this.core = core;
    this.device = device;
    this.fromGroup = fromGroup;
    this.granted = fromGroup;
    device.fileOpened();
  }

  @Override
  void release() {
    if (granted) {
      device.close();
      if (!fromGroup) {
        device.group().unblock();
      }
    }
    device.fileClosed();
  }

  @Override
  int ioctl(int request, UserPointer argument) {
    if (request == VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD && core.hasDeviceNodes()) {
      bind(argument);
      return 0;
    }
    KernelError.refuseIf(!granted, Errno.EINVAL);
    if (!fromGroup) {
      switch (request) {
        case VfioCdevUapi.VFIO_DEVICE_ATTACH_IOMMUFD_PT -> {
          attach(argument);
          return 0;
        }
        case VfioCdevUapi.VFIO_DEVICE_DETACH_IOMMUFD_PT -> {
          detach(argument);
          return 0;
        }
        default -> {}
      }
    }
    if (request == VFIO_DEVICE_FEATURE) {
      return feature(argument);
    }
    return device.opened().ioctl(request, argument);
  }

  private void bind(UserPointer bind) {
    int iommufd = bind.getInt(VfioDeviceBindIommufd.IOMMUFD);
    checkSize(
        bind.getInt(VfioDeviceBindIommufd.ARGSZ),
        VfioDeviceBindIommufd.SIZEOF,
        bind.getInt(VfioDeviceBindIommufd.FLAGS));
    KernelError.refuseIf(iommufd < 0 || fromGroup, Errno.EINVAL);
    device.group().block();
    try {
      KernelError.refuseIf(granted, Errno.EINVAL);
      OpenFile file = core.files().get(iommufd);
      KernelError.refuseIf(!(file instanceof IommufdFile), Errno.EBADFD);
      int id = device.openFromNode(((IommufdFile) file).context());
      bind.putInt(VfioDeviceBindIommufd.OUT_DEVID, id);
    } catch (KernelError e) {
      device.group().unblock();
      throw e;
    }
    granted = true;
  }

  private void attach(UserPointer attach) {
    int flags = attach.getInt(VfioDeviceAttachIommufdPt.FLAGS);
    checkPasid(
        attach.getInt(VfioDeviceAttachIommufdPt.ARGSZ),
        VfioDeviceAttachIommufdPt.PASID,
        flags & ~VfioCdevUapi.VFIO_DEVICE_ATTACH_PASID,
        flags != 0);
    int wanted = attach.getInt(VfioDeviceAttachIommufdPt.PT_ID);
    int ptId =
        flags == 0
            ? device.attach(wanted)
            : device.attachPasid(attach.getInt(VfioDeviceAttachIommufdPt.PASID), wanted);
    attach.putInt(VfioDeviceAttachIommufdPt.PT_ID, ptId);
  }

  private void detach(UserPointer detach) {
    int flags = detach.getInt(VfioDeviceDetachIommufdPt.FLAGS);
    checkPasid(
        detach.getInt(VfioDeviceDetachIommufdPt.ARGSZ),
        VfioDeviceDetachIommufdPt.PASID,
        flags & ~VfioCdevUapi.VFIO_DEVICE_DETACH_PASID,
        flags != 0);
    if (flags == 0) {
      device.detach();
    } else {
      device.detachPasid(detach.getInt(VfioDeviceDetachIommufdPt.PASID));
    }
  }

  /**
   * The PASID is the last field of its struct.
   *
   * @param pasidAt where it is
   */
  private void checkPasid(int argsz, int pasidAt, int unknownFlags, boolean withPasid) {
    checkSize(argsz, pasidAt, unknownFlags);
    boolean known = core.version().hasPasids();
    boolean wrong = withPasid && (!known || argsz < pasidAt + Integer.BYTES);
    KernelError.refuseIf(wrong, Errno.EINVAL);
  }

  private static void checkSize(int argsz, int size, int flags) {
    KernelError.refuseIf(Integer.compareUnsigned(argsz, size) < 0 || flags != 0, Errno.EINVAL);
  }

  /** Of the features none is modelled. */
  private static int feature(UserPointer feature) {
    int flags = feature.getInt(Integer.BYTES);
    boolean both = (flags & FEATURE_GET) != 0 && (flags & FEATURE_SET) != 0;
    boolean wrong =
        Integer.compareUnsigned(feature.getInt(0), FEATURE_SIZE) < 0
            || (flags & ~FEATURE_FLAGS) != 0
            || (both && (flags & FEATURE_PROBE) == 0);
    throw KernelError.of(wrong ? Errno.EINVAL : Errno.ENOTTY);
  }

  @Override
  long read(UserPointer target, int length) {
    return pread(target, length, 0);
  }

  @Override
  long write(UserPointer source, int length) {
    return pwrite(source, length, 0);
  }

  @Override
  long pread(UserPointer target, int length, long offset) {
    KernelError.refuseIf(!granted || offset < 0, Errno.EINVAL);
    return device.opened().read(target, length, offset);
  }

  @Override
  long pwrite(UserPointer source, int length, long offset) {
    KernelError.refuseIf(!granted || offset < 0, Errno.EINVAL);
    return device.opened().write(source, length, offset);
  }

  @Override
  MappedMemory mmap(long offset, long length, int protection, int flags) {
    KernelError.refuseIf(!granted, Errno.EINVAL);
    return device.opened().mmap(this, offset, length, protection, flags);
  }
}
