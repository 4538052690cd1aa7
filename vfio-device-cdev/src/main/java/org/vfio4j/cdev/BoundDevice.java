// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.cdev;

import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.VfioDevice;
import org.vfio4j.iommufd.DevId;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.IoPageTable;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.Kernel;

/**
 * A device that is bound to an iommufd: it answers, and does DMA once it is attached.
 *
 * <p>Closing it detaches it, ends the binding and lets the driver reset the device; there is no
 * unbind while the file is open. The iommufd stays open until then, and so does the address space
 * that the device is attached to. As for every {@link VfioDevice}, all that waits for what was made
 * from it: mapped regions and enabled interrupts.
 *
 * <p>Thread safe. Linux 6.6. Source: {@code drivers/vfio/device_cdev.c}.
 */
public final class BoundDevice extends VfioDevice {
  private final Iommufd iommufd;
  private final DevId devId;
  private final DeviceCookie cookie;
  private final Attachments attachments;

  private BoundDevice(
      Kernel kernel,
      int fd,
      String name,
      Iommufd iommufd,
      DevId devId,
      DeviceCookie cookie,
      Attachments attachments) {
    super(
        kernel,
        fd,
        name,
        whenClosed(iommufd.nameDevice(devId, cookie), attachments),
        iommufd.lifetime());
    this.iommufd = iommufd;
    this.devId = devId;
    this.cookie = cookie;
    this.attachments = attachments;
  }

  private static Runnable whenClosed(Runnable forget, Attachments attachments) {
    return () -> {
      forget.run();
      attachments.letGo();
    };
  }

  /**
   * Takes over the file descriptor of a device node that was bound elsewhere to {@code iommufd}.
   */
  public static BoundDevice adopt(
      Kernel kernel, int fd, String name, Iommufd iommufd, DevId devId, DeviceCookie cookie) {
    return new BoundDevice(kernel, fd, name, iommufd, devId, cookie, new Attachments());
  }

  public Iommufd iommufd() {
    return iommufd;
  }

  /** What the kernel calls the device in this iommufd. */
  public DevId devId() {
    return devId;
  }

  /** What the program calls the device. */
  public DeviceCookie cookie() {
    return cookie;
  }

  /**
   * Attaches the device to an address space or a hardware page table of its iommufd: from here on
   * it reaches what is mapped there, and nothing else.
   *
   * @throws VfioException ({@link Reason#WRONG_STATE} when it is attached already, {@link
   *     Reason#INVALID_ARGUMENT}: EINVAL when a device that cannot be isolated from this one is
   *     attached elsewhere, {@link Reason#OVERLAP}: EADDRINUSE when something is mapped where the
   *     device cannot, {@link Reason#LIMIT}: ENOMEM, for now the memory is locked)
   */
  public Attachment attach(IoPageTable pageTable) {
    return attachments.withoutPasid().attach(this, pageTable);
  }

  /**
   * Attaches what the device does with a PASID, apart from what it does without one: to a page
   * table that was made for PASIDs. Linux 6.15.
   *
   * @param pasid at least 1, and below 2 to the power of {@code HwInfo.maxPasidLog2()}
   * @throws VfioException ({@link Reason#WRONG_STATE} when the PASID is attached already, {@link
   *     Reason#INVALID_ARGUMENT}: EINVAL when the page table, or that of the device itself, was not
   *     made for PASIDs, or before Linux 6.15, {@link Reason#NOT_SUPPORTED}: EOPNOTSUPP)
   */
  public Attachment attachPasid(int pasid, IoPageTable pageTable) {
    if (pasid <= AttachedTo.NO_PASID) {
      throw VfioException.failed(Reason.INVALID_ARGUMENT, AttachedTo.ATTACH)
          .on("of PASID " + pasid + " of " + this)
          .fact("PASIDs begin with 1: 0 is what the device does without one")
          .hint("attach(pageTable) is for the device itself")
          .build();
    }
    return attachments.with(pasid).attach(this, pageTable);
  }

  /** For the attachment: the descriptor, inside {@code lifetime().enter()} and {@code leave()}. */
  int fdForAttachment() {
    return heldFd();
  }
}
