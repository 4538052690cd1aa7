// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.cdev;

import java.lang.ref.Reference;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.cdev.uapi.VfioCdevUapi;
import org.vfio4j.cdev.uapi.VfioDeviceBindIommufd;
import org.vfio4j.device.VfToken;
import org.vfio4j.iommufd.DevId;
import org.vfio4j.iommufd.DeviceCookie;
import org.vfio4j.iommufd.Iommufd;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.KernelObject;
import org.vfio4j.linux.Lifetime;
import org.vfio4j.memory.NativeBlock;

/**
 * An open device node that has no security context yet: all it can do is to be bound or closed.
 *
 * <p>The kernel answers everything else with EINVAL until then. Binding hands the file over to the
 * {@link BoundDevice}; closing this object afterwards does nothing.
 *
 * <p>Thread safe. Linux 6.6. Source: {@code drivers/vfio/device_cdev.c}.
 */
public final class UnboundDevice extends KernelObject {
  static final String BIND = "VFIO_DEVICE_BIND_IOMMUFD";

  private final Kernel kernel;
  private final int fd;
  private final String name;
  private final VfioCdev cdev;

  /** Also the lock of {@link #bind}: a second one must not use a descriptor that is given away. */
  private final AtomicBoolean handedOver;

  /** {@code cdev} may be null: where the file came from is then not known. */
  UnboundDevice(Kernel kernel, int fd, String name, VfioCdev cdev) {
    this(kernel, fd, name, cdev, new AtomicBoolean());
  }

  private UnboundDevice(
      Kernel kernel, int fd, String name, VfioCdev cdev, AtomicBoolean handedOver) {
    super(new Lifetime("unbound device " + name, () -> release(kernel, fd, name, handedOver)));
    this.kernel = kernel;
    this.fd = fd;
    this.name = name;
    this.cdev = cdev;
    this.handedOver = handedOver;
  }

  /** Takes over the file descriptor of a device node that was opened elsewhere and is not bound. */
  public static UnboundDevice adopt(Kernel kernel, int fd, String name) {
    return new UnboundDevice(kernel, fd, name, null);
  }

  /**
   * Binds the device to an iommufd, for as long as the file is open: from here on the program owns
   * it, and its DMA is blocked until it is attached to an address space.
   *
   * @param cookie what the program calls the device
   * @throws VfioException ({@link Reason#NOT_VIABLE}: EPERM when a device that cannot be isolated
   *     from this one is in other hands, {@link Reason#IN_USE}: EBUSY, or EAGAIN while the host
   *     binds or unbinds the device, {@link Reason#WRONG_STATE}: EINVAL when the device is bound
   *     already, {@link Reason#NO_IOMMU}: ENODEV, {@link Reason#CLOSED}); this object stays as it
   *     was then: it may be tried again, and is to be closed
   */
  public BoundDevice bind(Iommufd iommufd, DeviceCookie cookie) {
    return bind(iommufd, cookie, Optional.empty());
  }

  /**
   * As {@link #bind(Iommufd, DeviceCookie)}, with the token that the user of a physical function
   * shares with those of its virtual functions. Linux 6.17: before, the kernel asks for none here,
   * and takes none.
   *
   * @throws VfioException ({@link Reason#NO_PERMISSION}: EACCES when it is another token, {@link
   *     Reason#NOT_SUPPORTED}: EINVAL when the device or the kernel takes none)
   */
  public BoundDevice bind(Iommufd iommufd, DeviceCookie cookie, VfToken token) {
    return bind(iommufd, cookie, Optional.of(token));
  }

  private BoundDevice bind(Iommufd iommufd, DeviceCookie cookie, Optional<VfToken> token) {
    synchronized (handedOver) {
      if (handedOver.get()) {
        throw VfioException.failed(Reason.WRONG_STATE, BIND)
            .on("of " + name)
            .fact("this file was bound before")
            .hint("use the BoundDevice that the first bind returned")
            .build();
      }
      lifetime().enter();
      try {
        return bindHeld(iommufd, cookie, token);
      } finally {
        lifetime().leave();
      }
    }
  }

  private BoundDevice bindHeld(Iommufd iommufd, DeviceCookie cookie, Optional<VfToken> token) {
    iommufd.lifetime().enter();
    try {
      VfioDeviceBindIommufd bind = new VfioDeviceBindIommufd().iommufd(iommufd.fd());
      NativeBlock uuid = new NativeBlock(VfToken.SIZE);
      if (token.isPresent()) {
        uuid.put(0, token.get().bytes());
        bind.argsz(VfioDeviceBindIommufd.SIZEOF)
            .flags(VfioCdevUapi.VFIO_DEVICE_BIND_FLAG_TOKEN)
            .tokenUuidPtr(uuid.address());
      }
      int result;
      try {
        result = kernel.ioctl(fd, VfioCdevUapi.VFIO_DEVICE_BIND_IOMMUFD, bind);
      } finally {
        Reference.reachabilityFence(uuid);
      }
      if (result < 0) {
        if (token.isPresent() && Errno.EINVAL.is(result)) {
          throw CdevErrors.tokenRefused(kernel, name, cdev);
        }
        throw CdevErrors.bind(kernel, name, cdev, iommufd, result);
      }
      handedOver.set(true);
      // From here on the file is not this object's: closed by the other one, even if that fails.
      close();
      BoundDevice bound =
          BoundDevice.adopt(kernel, fd, name, iommufd, new DevId(bind.outDevid()), cookie);
      try {
        bound.requests().listen();
      } catch (VfioException e) {
        bound.close();
        throw e;
      }
      return bound;
    } finally {
      iommufd.lifetime().leave();
    }
  }

  private static void release(Kernel kernel, int fd, String name, AtomicBoolean handedOver) {
    if (handedOver.get()) {
      return;
    }
    int result = kernel.close(fd);
    if (result < 0) {
      throw VfioException.failed(Reason.OTHER, "close").on("of " + name).result(result).build();
    }
  }
}
