// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.iommufd.uapi.IommuDestroy;
import org.vfio4j.iommufd.uapi.IommuIoasAlloc;
import org.vfio4j.iommufd.uapi.IommuOption;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.DeviceNode;
import org.vfio4j.linux.FileObject;
import org.vfio4j.linux.Kernel;

/**
 * An open {@code /dev/iommu}: a context in which address spaces are made and devices are bound.
 *
 * <p>Ids are per context. The kernel keeps the context until this file and every device bound to it
 * are closed; so does this object keep the file open until its address spaces, and the devices
 * bound to it, are closed.
 *
 * <p>Thread safe. Linux 6.2, CONFIG_IOMMUFD. Source: {@code include/uapi/linux/iommufd.h}, {@code
 * drivers/iommu/iommufd/main.c}.
 */
public final class Iommufd extends FileObject {
  private static final String NEEDS =
      "Linux 6.2 or later with CONFIG_IOMMUFD, and its module loaded: modprobe iommufd";

  private Iommufd(Kernel kernel, int fd, String name) {
    super(kernel, fd, name);
  }

  /**
   * Opens {@code /dev/iommu}.
   *
   * @throws VfioException ({@link Reason#NOT_IN_KERNEL} when there is no such node, {@link
   *     Reason#NO_PERMISSION}, {@link Reason#LIMIT})
   */
  public static Iommufd open(Kernel kernel) {
    String path = path(kernel);
    return new Iommufd(kernel, DeviceNode.open(kernel, path, NEEDS), path);
  }

  /** Takes over a file descriptor of {@code /dev/iommu} that was opened elsewhere. */
  public static Iommufd adopt(Kernel kernel, int fd) {
    return new Iommufd(kernel, fd, path(kernel) + " (fd " + fd + ")");
  }

  /**
   * A new, empty address space.
   *
   * @throws VfioException ({@link Reason#LIMIT}: ENOMEM)
   */
  public Ioas allocateIoas() {
    lifetime().enter();
    try {
      IommuIoasAlloc alloc = new IommuIoasAlloc();
      int result = kernel().ioctl(heldFd(), IommufdUapi.IOMMU_IOAS_ALLOC, alloc);
      if (result < 0) {
        throw IommufdErrors.call("IOMMU_IOAS_ALLOC", "in " + this, result).build();
      }
      return Ioas.own(this, new IoasId(alloc.outIoasId()));
    } finally {
      lifetime().leave();
    }
  }

  /**
   * An address space that was made by somebody else in this context: closing the result does not
   * destroy it. That it exists shows at the first use (ENOENT).
   */
  public Ioas borrowIoas(IoasId id) {
    return Ioas.borrow(this, id);
  }

  /**
   * Destroys an object of this context by its id, whatever it is. The classes for the objects do
   * that when they are closed.
   *
   * @throws VfioException ({@link Reason#NO_SUCH_DEVICE}: ENOENT, {@link Reason#IN_USE}: EBUSY)
   */
  public void destroy(int id) {
    lifetime().enter();
    try {
      destroy(kernel(), heldFd(), id, "object " + Integer.toUnsignedString(id) + " of " + this);
    } finally {
      lifetime().leave();
    }
  }

  /** How locked memory is counted: IOMMU_OPTION_RLIMIT_MODE. */
  public RlimitMode rlimitMode() {
    return RlimitMode.of(getOption(IommufdUapi.IOMMU_OPTION_RLIMIT_MODE, 0));
  }

  /**
   * Sets how locked memory is counted.
   *
   * @throws VfioException ({@link Reason#NO_PERMISSION}: EPERM without CAP_SYS_RESOURCE, {@link
   *     Reason#IN_USE}: EBUSY when the context has an object already)
   */
  public void setRlimitMode(RlimitMode mode) {
    setOption(IommufdUapi.IOMMU_OPTION_RLIMIT_MODE, 0, mode.number());
  }

  long getOption(int option, int objectId) {
    return option(option, IommufdUapi.IOMMU_OPTION_OP_GET, objectId, 0);
  }

  void setOption(int option, int objectId, long value) {
    option(option, IommufdUapi.IOMMU_OPTION_OP_SET, objectId, value);
  }

  /** For objects of this context, which hold it. */
  int fdForChildren() {
    return heldFd();
  }

  /** For the release of an object of this context. */
  static void destroy(Kernel kernel, int fd, int id, String what) {
    IommuDestroy destroy = new IommuDestroy().id(id);
    int result = kernel.ioctl(fd, IommufdUapi.IOMMU_DESTROY, destroy);
    if (result < 0) {
      throw IommufdErrors.destroy(what, result);
    }
  }

  private long option(int option, int op, int objectId, long value) {
    lifetime().enter();
    try {
      IommuOption argument =
          new IommuOption().optionId(option).op((short) op).objectId(objectId).val64(value);
      int result = kernel().ioctl(heldFd(), IommufdUapi.IOMMU_OPTION, argument);
      if (result < 0) {
        throw IommufdErrors.option(this, option, result);
      }
      return argument.val64();
    } finally {
      lifetime().leave();
    }
  }

  private static String path(Kernel kernel) {
    return kernel.roots().dev("iommu");
  }
}
