// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import org.vfio4j.Errno;
import org.vfio4j.cdev.uapi.VfioCdevUapi;
import org.vfio4j.cdev.uapi.VfioDeviceAttachIommufdPt;
import org.vfio4j.cdev.uapi.VfioDeviceBindIommufd;
import org.vfio4j.cdev.uapi.VfioDeviceDetachIommufdPt;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.testkit.machine.Machine.Capability;

/**
 * An open device, from its group or from its node. From the node it does nothing until it is bound.
 *
 * <p>Source: {@code drivers/vfio/vfio_main.c} and {@code device_cdev.c}.
 */
final class DeviceFile extends PositionedFile {
  /** Up to {@code out_devid}. */
  private static final int BIND_MIN_SIZE = 16;

  private final Core core;
  private final VfioDevice device;
  private final boolean fromGroup;
  private boolean granted;

  DeviceFile(Core core, VfioDevice device, boolean fromGroup, String name) {
    super(name);
    boolean privileged = core.machine().has(Capability.CAP_SYS_RAWIO);
    KernelError.refuseIf(device.group().isNoIommu() && !privileged, Errno.EPERM);
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
    device.opened().wake();
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
    if (request == VfioDeviceUapi.VFIO_DEVICE_FEATURE) {
      return feature(argument);
    }
    return device.opened().ioctl(request, argument);
  }

  private void bind(UserPointer bind) {
    int argsz = bind.argsz(BIND_MIN_SIZE);
    int iommufd = bind.getInt(VfioDeviceBindIommufd.IOMMUFD);
    int flags = bind.getInt(VfioDeviceBindIommufd.FLAGS);
    boolean hasTokens = core.version().isAtLeast(6, 17);
    if (hasTokens) {
      refuseUnknownTail(bind, argsz);
    }
    int known = hasTokens ? VfioCdevUapi.VFIO_DEVICE_BIND_FLAG_TOKEN : 0;
    KernelError.refuseIf((flags & ~known) != 0 || iommufd < 0 || fromGroup, Errno.EINVAL);
    boolean privileged = core.machine().has(Capability.CAP_SYS_RAWIO);
    KernelError.refuseIf(device.group().isNoIommu() && !privileged, Errno.EPERM);
    device.group().block();
    try {
      KernelError.refuseIf(granted, Errno.EINVAL);
      OpenFile file = core.files().get(iommufd);
      KernelError.refuseIf(!(file instanceof IommufdFile), Errno.EBADFD);
      if (hasTokens) {
        checkToken(bind, argsz, flags);
      }
      int id = device.openFromNode(((IommufdFile) file).context());
      KernelError.orUndo(() -> bind.putInt(VfioDeviceBindIommufd.OUT_DEVID, id), device::close);
    } catch (KernelError e) {
      device.group().unblock();
      throw e;
    }
    granted = true;
  }

  /** copy_struct_from_user(): what is behind the struct must be 0. */
  private static void refuseUnknownTail(UserPointer bind, int argsz) {
    for (int at = VfioDeviceBindIommufd.SIZEOF; at < argsz; at++) {
      KernelError.refuseIf(bind.getByte(at) != 0, Errno.E2BIG);
    }
  }

  private void checkToken(UserPointer bind, int argsz, int flags) {
    byte[] token = null;
    if ((flags & VfioCdevUapi.VFIO_DEVICE_BIND_FLAG_TOKEN) != 0) {
      long pointer =
          Integer.compareUnsigned(argsz, VfioDeviceBindIommufd.SIZEOF) < 0
              ? 0
              : bind.getLong(VfioDeviceBindIommufd.TOKEN_UUID_PTR);
      token = bind.at(pointer).get(0, VfToken.SIZE);
    }
    if (device.device() instanceof PciDevice pci) {
      VfToken.validate(pci, token);
    } else {
      KernelError.refuseIf(token != null, Errno.EINVAL);
    }
  }

  private void attach(UserPointer attach) {
    int argsz = attach.argsz(VfioDeviceAttachIommufdPt.PASID);
    int flags = attach.getInt(VfioDeviceAttachIommufdPt.FLAGS);
    checkPasid(
        argsz,
        VfioDeviceAttachIommufdPt.PASID,
        flags & ~VfioCdevUapi.VFIO_DEVICE_ATTACH_PASID,
        flags != 0);
    int wanted = attach.getInt(VfioDeviceAttachIommufdPt.PT_ID);
    int pasid = flags == 0 ? 0 : attach.getInt(VfioDeviceAttachIommufdPt.PASID);
    int ptId = flags == 0 ? device.attach(wanted) : device.attachPasid(pasid, wanted);
    KernelError.orUndo(
        () -> attach.putInt(VfioDeviceAttachIommufdPt.PT_ID, ptId), () -> detach(flags, pasid));
  }

  private void detach(UserPointer detach) {
    int argsz = detach.argsz(VfioDeviceDetachIommufdPt.PASID);
    int flags = detach.getInt(VfioDeviceDetachIommufdPt.FLAGS);
    checkPasid(
        argsz,
        VfioDeviceDetachIommufdPt.PASID,
        flags & ~VfioCdevUapi.VFIO_DEVICE_DETACH_PASID,
        flags != 0);
    detach(flags, flags == 0 ? 0 : detach.getInt(VfioDeviceDetachIommufdPt.PASID));
  }

  private void detach(int flags, int pasid) {
    if (flags == 0) {
      device.detach();
    } else {
      device.detachPasid(pasid);
    }
  }

  /**
   * The PASID is the last field of its struct.
   *
   * @param pasidAt where it is
   */
  private void checkPasid(int argsz, int pasidAt, int unknownFlags, boolean withPasid) {
    KernelError.refuseIf(unknownFlags != 0, Errno.EINVAL);
    boolean known = core.version().hasPasids();
    boolean wrong = withPasid && (!known || argsz < pasidAt + Integer.BYTES);
    KernelError.refuseIf(wrong, Errno.EINVAL);
  }

  private int feature(UserPointer argument) {
    // Before, it was a call of vfio-pci.
    boolean has = core.version().isAtLeast(5, 18) || device.opened() instanceof VfioPci;
    KernelError.refuseIf(!has, Errno.ENOTTY);
    return device.features().call(device.opened(), argument);
  }

  @Override
  long pread(UserPointer target, int length, long offset) {
    KernelError.refuseIf(!granted, Errno.EINVAL);
    return device.opened().read(target, length, offset);
  }

  @Override
  long pwrite(UserPointer source, int length, long offset) {
    KernelError.refuseIf(!granted, Errno.EINVAL);
    return device.opened().write(source, length, offset);
  }

  @Override
  MappedMemory mmap(long offset, long length, int protection, int flags) {
    KernelError.refuseIf(!granted, Errno.EINVAL);
    return device.opened().mmap(this, offset, length, protection, flags);
  }
}
