// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import org.vfio4j.Errno;
import org.vfio4j.Units;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.uapi.VfioDeviceIoeventfd;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.linux.EventFd;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.KernelObject;
import org.vfio4j.linux.Lifetime;

/**
 * An eventfd that writes a register: each time it is raised the kernel writes one value to one
 * place of a BAR. Doorbells of a virtual machine reach the device so without leaving the kernel.
 *
 * <p>Nothing is written while the memory decoding of the device is off. Until it is closed it keeps
 * the device and the eventfd open.
 *
 * <p>Thread safe. Linux 4.17. Source: {@code drivers/vfio/pci/vfio_pci_rdwr.c}, {@code
 * vfio_pci_ioeventfd()}.
 */
public final class IoEventFd extends KernelObject {
  private static final String IOEVENTFD = "VFIO_DEVICE_IOEVENTFD";

  private final EventFd eventFd;

  private IoEventFd(EventFd eventFd, Lifetime lifetime) {
    super(lifetime);
    this.eventFd = eventFd;
  }

  /** Of {@link Region#writeOn}. */
  static IoEventFd register(Region region, long offset, int width, long value, EventFd eventFd) {
    VfioDevice device = region.device();
    String name =
        "write of "
            + Units.hex(value)
            + " ("
            + Units.bytes(width)
            + ") at offset "
            + Units.hex(offset)
            + " of "
            + region;
    int size =
        switch (width) {
          case Byte.BYTES -> VfioDeviceUapi.VFIO_DEVICE_IOEVENTFD_8;
          case Short.BYTES -> VfioDeviceUapi.VFIO_DEVICE_IOEVENTFD_16;
          case Integer.BYTES -> VfioDeviceUapi.VFIO_DEVICE_IOEVENTFD_32;
          case Long.BYTES -> VfioDeviceUapi.VFIO_DEVICE_IOEVENTFD_64;
          default ->
              throw VfioException.failed(Reason.INVALID_ARGUMENT, IOEVENTFD)
                  .on("for " + name)
                  .fact("a register is 1, 2, 4 or 8 bytes wide")
                  .build();
        };
    if (offset < 0 || offset > region.size() - width || offset % width != 0) {
      throw DeviceErrors.badAccess(region, true, offset, width);
    }
    Release release = new Release(device, size, region.info().offset() + offset, value, name);
    Lifetime lifetime = new Lifetime(name, release, device.lifetime(), eventFd.lifetime());
    int result;
    try {
      result = release.set(eventFd.fd());
    } catch (RuntimeException e) {
      lifetime.close();
      throw e;
    }
    if (result < 0) {
      lifetime.close();
      throw refused(name, result);
    }
    release.registered = true;
    return new IoEventFd(eventFd, lifetime);
  }

  /** Takes it back; must not refer to the IoEventFd. */
  private static final class Release implements Runnable {
    private final Kernel kernel;
    private final int fd;
    private final int size;
    private final long offset;
    private final long value;
    private final String name;
    private volatile boolean registered;

    Release(VfioDevice device, int size, long offset, long value, String name) {
      this.kernel = device.kernel();
      this.fd = device.fdForChildren();
      this.size = size;
      this.offset = offset;
      this.value = value;
      this.name = name;
    }

    int set(int eventFd) {
      VfioDeviceIoeventfd set =
          new VfioDeviceIoeventfd().flags(size).offset(offset).data(value).fd(eventFd);
      return kernel.ioctl(fd, VfioDeviceUapi.VFIO_DEVICE_IOEVENTFD, set);
    }

    @Override
    public void run() {
      if (registered) {
        int result = set(-1);
        if (result < 0) {
          throw DeviceErrors.failed(IOEVENTFD, "to end " + name, result);
        }
      }
    }
  }

  /** What is raised to write. */
  public EventFd eventFd() {
    return eventFd;
  }

  private static VfioException refused(String name, long result) {
    String object = "for " + name;
    return switch (Errno.ofResult(result)) {
      case EEXIST ->
          VfioException.failed(Reason.IN_USE, IOEVENTFD)
              .on(object)
              .result(result)
              .fact("an eventfd that writes the same value there is registered already")
              .hint("close the other IoEventFd first")
              .build();
      case EINVAL ->
          DeviceErrors.call(IOEVENTFD, object, result)
              .fact("it is not in a BAR, reaches the MSI-X table, or the host cannot write so wide")
              .build();
      case ENOSPC ->
          DeviceErrors.call(IOEVENTFD, object, result)
              .fact("the device has 1000 of them, which is the limit of vfio-pci")
              .build();
      case ENOTTY ->
          VfioException.failed(Reason.NOT_SUPPORTED, IOEVENTFD)
              .on(object)
              .result(result)
              .fact("the driver of the device does not offer it, or the kernel is older than 4.17")
              .build();
      default -> DeviceErrors.failed(IOEVENTFD, object, result);
    };
  }
}
