// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.linux;

import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;

/** Opening the device files of VFIO and iommufd, with what is known of why it fails. */
public final class DeviceNode {
  private DeviceNode() {}

  /**
   * Opens a device file to read and write.
   *
   * @param needs what must be there for the file to exist, for the hint: {@code Linux 6.2 with
   *     CONFIG_IOMMUFD}
   * @return the file descriptor
   * @throws VfioException ({@link Reason#NOT_IN_KERNEL}, {@link Reason#NO_PERMISSION}, {@link
   *     Reason#IN_USE} with the holders named, {@link Reason#NO_SUCH_DEVICE}, {@link Reason#LIMIT})
   */
  public static int open(Kernel kernel, String path, String needs) {
    int fd = kernel.open(path, Linux.O_RDWR);
    if (fd < 0) {
      Errno errno = Errno.ofResult(fd);
      throw kernel
          .explanation()
          .map(why -> failed(why.reason(), path, errno).fact(why.fact()).hint(why.hint()).build())
          .orElseGet(() -> refused(kernel, path, needs, errno));
    }
    return fd;
  }

  private static VfioException refused(Kernel kernel, String path, String needs, Errno errno) {
    return switch (errno) {
      case ENOENT ->
          failed(Reason.NOT_IN_KERNEL, path, errno)
              .fact("there is no " + path)
              .hint("it needs " + needs)
              .build();
      case EACCES ->
          failed(Reason.NO_PERMISSION, path, errno)
              .fact("this process may not read and write " + path)
              .hint(
                  "give the user access, for example with a udev rule: SUBSYSTEM==\"vfio\","
                      + " GROUP=\"vfio\", MODE=\"0660\" (KERNEL==\"iommu\" for /dev/iommu)")
              .build();
      case EPERM ->
          failed(Reason.NO_PERMISSION, path, errno)
              .fact("the kernel wants a privilege that this process lacks")
              .hint("a no-IOMMU node needs CAP_SYS_RAWIO; a container must allow the device node")
              .build();
      case EBUSY ->
          failed(Reason.IN_USE, path, errno)
              .fact(FileHolders.describe(kernel, path))
              .hint(
                  "a group can be open once, and not while one of its devices is bound to an"
                      + " iommufd; stop the other user first")
              .build();
      case ENODEV, ENXIO ->
          failed(Reason.NO_SUCH_DEVICE, path, errno)
              .fact("the node is there but its device is gone, or its driver is not loaded")
              .hint(
                  "it needs "
                      + needs
                      + "; where the device was just removed, look again in a moment")
              .build();
      case EMFILE, ENFILE, ENOMEM ->
          failed(Reason.LIMIT, path, errno)
              .fact("the process or the machine has no file descriptor or memory left")
              .hint("see ulimit -n, and close what is no longer used")
              .build();
      default -> failed(Reason.OTHER, path, errno).build();
    };
  }

  private static VfioException.Builder failed(Reason reason, String path, Errno errno) {
    return VfioException.failed(reason, "open").on("of " + path).errno(errno);
  }
}
