// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.cdev;

import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.cdev.uapi.VfioCdevUapi;
import org.vfio4j.cdev.uapi.VfioDeviceAttachIommufdPt;
import org.vfio4j.cdev.uapi.VfioDeviceDetachIommufdPt;
import org.vfio4j.iommufd.HwptId;
import org.vfio4j.iommufd.IoPageTable;
import org.vfio4j.iommufd.PtId;
import org.vfio4j.linux.Lifetime;

/**
 * What a device is attached to, and keeps alive.
 *
 * <p>Apart from {@link BoundDevice}, because it is needed when that is released and may not refer
 * to it, nor to an {@link Attachment}, which does: a device that was lost could never be found. The
 * lock covers the ioctl: the order in which the kernel saw two calls is the order here.
 */
final class AttachedTo {
  static final String ATTACH = "VFIO_DEVICE_ATTACH_IOMMUFD_PT";

  private static final String DETACH = "VFIO_DEVICE_DETACH_IOMMUFD_PT";

  /** A device's own transfers: no PASID. */
  static final int NO_PASID = 0;

  private final int pasid;

  private Lifetime held;

  /** What the current {@link Attachment} is known by; null when there is none. */
  private Object current;

  AttachedTo(int pasid) {
    this.pasid = pasid;
  }

  private boolean hasPasid() {
    return pasid != NO_PASID;
  }

  synchronized Attachment attach(BoundDevice device, IoPageTable pageTable) {
    if (current != null) {
      throw VfioException.failed(Reason.WRONG_STATE, ATTACH)
          .on("of " + device)
          .fact("it is attached to " + held.name())
          .hint("replace or detach through the Attachment that the first attach returned")
          .build();
    }
    return change(device, pageTable);
  }

  synchronized Attachment replace(Attachment attachment, IoPageTable pageTable) {
    mustBeCurrent(attachment, ATTACH);
    return change(attachment.device(), pageTable);
  }

  synchronized void detach(Attachment attachment) {
    mustBeCurrent(attachment, DETACH);
    BoundDevice device = attachment.device();
    device.lifetime().enter();
    try {
      int result =
          device
              .kernel()
              .ioctl(
                  device.fdForAttachment(),
                  VfioCdevUapi.VFIO_DEVICE_DETACH_IOMMUFD_PT,
                  new VfioDeviceDetachIommufdPt()
                      .flags(hasPasid() ? VfioCdevUapi.VFIO_DEVICE_DETACH_PASID : 0)
                      .pasid(pasid));
      if (result < 0) {
        throw VfioException.failed(Reason.OTHER, DETACH)
            .on("of " + device)
            .result(result)
            .fact("it stays attached to " + held.name())
            .build();
      }
    } finally {
      device.lifetime().leave();
    }
    letGo();
  }

  synchronized boolean isCurrent(Attachment attachment) {
    return current == attachment.key();
  }

  /** The kernel has detached the device. */
  synchronized void letGo() {
    Lifetime old = held;
    held = null;
    current = null;
    if (old != null) {
      old.leave();
    }
  }

  private Attachment change(BoundDevice device, IoPageTable pageTable) {
    if (pageTable.iommufd() != device.iommufd()) {
      throw VfioException.failed(Reason.INVALID_ARGUMENT, ATTACH)
          .on("of " + device + " to " + pageTable)
          .fact("the device is bound to another iommufd: " + device.iommufd())
          .hint("attach it to an address space of the iommufd that it is bound to")
          .build();
    }
    device.lifetime().enter();
    try {
      pageTable.lifetime().enter();
      PtId attached;
      try {
        attached = attachIoctl(device, pageTable);
      } catch (RuntimeException e) {
        pageTable.lifetime().leave();
        throw e;
      }
      Lifetime old = held;
      held = pageTable.lifetime();
      current = new Object();
      if (old != null) {
        old.leave();
      }
      return new Attachment(device, this, current, pageTable, attached);
    } finally {
      // If another thread closed the device meanwhile, this is where letGo() runs.
      device.lifetime().leave();
    }
  }

  private PtId attachIoctl(BoundDevice device, IoPageTable pageTable) {
    int wanted = pageTable.ptId().value();
    VfioDeviceAttachIommufdPt attach =
        new VfioDeviceAttachIommufdPt()
            .flags(hasPasid() ? VfioCdevUapi.VFIO_DEVICE_ATTACH_PASID : 0)
            .ptId(wanted)
            .pasid(pasid);
    int result =
        device
            .kernel()
            .ioctl(device.fdForAttachment(), VfioCdevUapi.VFIO_DEVICE_ATTACH_IOMMUFD_PT, attach);
    if (result < 0) {
      Errno errno = Errno.ofResult(result);
      throw hasPasid()
          ? CdevErrors.attachPasid(device, pasid, pageTable, errno)
          : CdevErrors.attach(device, pageTable, errno);
    }
    return attach.ptId() == wanted ? pageTable.ptId() : new HwptId(attach.ptId());
  }

  private void mustBeCurrent(Attachment attachment, String operation) {
    if (current != attachment.key()) {
      throw VfioException.failed(Reason.WRONG_STATE, operation)
          .on("of " + attachment.device())
          .fact("this attachment ended: the device was detached, attached elsewhere or closed")
          .hint("use the Attachment that the last attach or replace returned")
          .build();
    }
  }
}
