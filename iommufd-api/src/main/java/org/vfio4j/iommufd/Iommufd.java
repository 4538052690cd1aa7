// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

import java.lang.ref.Reference;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.iommufd.uapi.IommuDestroy;
import org.vfio4j.iommufd.uapi.IommuHwInfo;
import org.vfio4j.iommufd.uapi.IommuIoasAlloc;
import org.vfio4j.iommufd.uapi.IommuIoasChangeProcess;
import org.vfio4j.iommufd.uapi.IommuOption;
import org.vfio4j.iommufd.uapi.IommuVfioIoas;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.DeviceNode;
import org.vfio4j.linux.FileObject;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.KernelFeatures;
import org.vfio4j.linux.Linux;
import org.vfio4j.linux.Result;
import org.vfio4j.memory.MappedMemory;
import org.vfio4j.memory.NativeBlock;

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

  /** More than any make of IOMMU tells. */
  private static final int FIRST_GUESS_OF_HW_INFO = 64;

  /** In bytes; what is known has some tens. */
  private static final int MAX_HW_INFO = 1 << 16;

  private final Map<DevId, NamedDevice> devices = new ConcurrentHashMap<>();

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

  /**
   * Counts what is pinned as this process', after the file came from another one: every mapping
   * must be of a file. Linux 6.13.
   *
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT}: EINVAL when something else is mapped,
   *     {@link Reason#LIMIT}: ENOMEM, and nothing has changed)
   */
  public void changeProcess() {
    lifetime().enter();
    try {
      int result =
          kernel()
              .ioctl(heldFd(), IommufdUapi.IOMMU_IOAS_CHANGE_PROCESS, new IommuIoasChangeProcess());
      if (result < 0) {
        throw HwptErrors.changeProcess(this, result);
      }
    } finally {
      lifetime().leave();
    }
  }

  /** The space that calls of a container on this file act on: IOMMU_VFIO_IOAS; empty for none. */
  public Optional<IoasId> vfioIoas() {
    lifetime().enter();
    try {
      IommuVfioIoas get = new IommuVfioIoas().op((short) IommufdUapi.IOMMU_VFIO_IOAS_GET);
      int result = kernel().ioctl(heldFd(), IommufdUapi.IOMMU_VFIO_IOAS, get);
      if (Errno.ENODEV.is(result)) {
        return Optional.empty();
      }
      checkVfioIoas(result);
      return Optional.of(new IoasId(get.ioasId()));
    } finally {
      lifetime().leave();
    }
  }

  /**
   * Sets the space that calls of a container on this file act on.
   *
   * @throws VfioException ({@link Reason#NO_SUCH_DEVICE}: ENOENT)
   */
  public void setVfioIoas(IoasId ioas) {
    changeVfioIoas(IommufdUapi.IOMMU_VFIO_IOAS_SET, ioas.value());
  }

  /** Calls of a container on this file have no space from here on; it is not destroyed. */
  public void clearVfioIoas() {
    changeVfioIoas(IommufdUapi.IOMMU_VFIO_IOAS_CLEAR, 0);
  }

  private void changeVfioIoas(int op, int ioas) {
    lifetime().enter();
    try {
      IommuVfioIoas change = new IommuVfioIoas().op((short) op).ioasId(ioas);
      checkVfioIoas(kernel().ioctl(heldFd(), IommufdUapi.IOMMU_VFIO_IOAS, change));
    } finally {
      lifetime().leave();
    }
  }

  private void checkVfioIoas(int result) {
    if (result < 0) {
      throw IommufdErrors.call("IOMMU_VFIO_IOAS", "of " + this, result)
          .fact("the address space does not exist")
          .build();
    }
  }

  /**
   * Maps memory of the IOMMU's that an object of this context has told the place of, such as the
   * registers of a virtual command queue. Give it back with {@link Kernel#munmap}. Linux 6.17.
   *
   * @param offset as told, and nothing else
   * @param length as told
   * @throws VfioException ({@link Reason#NOT_IN_KERNEL}: ENODEV before Linux 6.17, {@link
   *     Reason#INVALID_ARGUMENT}: ENXIO for another offset or length)
   */
  public MappedMemory map(long offset, long length) {
    lifetime().enter();
    try {
      Result<MappedMemory> memory =
          kernel()
              .mmap(heldFd(), offset, length, Linux.PROT_READ | Linux.PROT_WRITE, Linux.MAP_SHARED);
      if (!memory.isOk()) {
        throw HwptErrors.mmap(this, offset, length, memory.errno());
      }
      return memory.value();
    } finally {
      lifetime().leave();
    }
  }

  /** A new queue for page faults. Linux 6.11. */
  public FaultQueue allocateFaultQueue() {
    lifetime().enter();
    try {
      return FaultQueue.allocate(this);
    } finally {
      lifetime().leave();
    }
  }

  /**
   * What the IOMMU in front of a device is and can. Linux 6.6.
   *
   * @throws VfioException ({@link Reason#NO_SUCH_DEVICE}: ENOENT when the id is that of no physical
   *     device; a mediated device has no IOMMU of its own)
   */
  public HwInfo hwInfo(DevId device) {
    return hwInfo(device, 0, 0);
  }

  /**
   * As {@link #hwInfo(DevId)}, in one of the forms that the IOMMU can tell it in. Linux 6.17.
   *
   * @param dataType {@code IOMMU_HW_INFO_TYPE_*}
   * @throws VfioException ({@link Reason#NOT_SUPPORTED}: EOPNOTSUPP when it cannot, or the kernel
   *     gives no choice)
   */
  public HwInfo hwInfo(DevId device, int dataType) {
    return hwInfo(device, IommufdUapi.IOMMU_HW_INFO_FLAG_INPUT_TYPE, dataType);
  }

  private HwInfo hwInfo(DevId device, int flags, int dataType) {
    lifetime().enter();
    try {
      NativeBlock data = new NativeBlock(FIRST_GUESS_OF_HW_INFO);
      IommuHwInfo info = getHwInfo(device, flags, dataType, data);
      if (info.dataLen() > data.capacity() && info.dataLen() <= MAX_HW_INFO) {
        data = new NativeBlock(info.dataLen());
        info = getHwInfo(device, flags, dataType, data);
      }
      if (info.dataLen() < 0 || info.dataLen() > MAX_HW_INFO) {
        throw IommufdErrors.malformed("IOMMU_GET_HW_INFO", "of " + this, info.dataLen());
      }
      return new HwInfo(
          info.outDataType(),
          data.get(0, Math.min(info.dataLen(), data.capacity())),
          info.outMaxPasidLog2(),
          info.outCapabilities());
    } finally {
      lifetime().leave();
    }
  }

  private IommuHwInfo getHwInfo(DevId device, int flags, int dataType, NativeBlock data) {
    IommuHwInfo info =
        new IommuHwInfo()
            .flags(flags)
            .devId(device.value())
            .outDataType(dataType)
            .dataLen(data.capacity())
            .dataUptr(data.address());
    try {
      int result = kernel().ioctl(heldFd(), IommufdUapi.IOMMU_GET_HW_INFO, info);
      if (result < 0) {
        throw HwptErrors.hwInfo(this, device, flags != 0, result);
      }
      return info;
    } finally {
      Reference.reachabilityFence(data);
    }
  }

  /**
   * Notes what the program calls a device, so that its faults and events carry it. Who binds a
   * device does that.
   *
   * @return to be run when the device is bound no more: the kernel may give its id to another one
   */
  public Runnable nameDevice(DevId device, DeviceCookie cookie) {
    Map<DevId, NamedDevice> all = devices;
    NamedDevice named = new NamedDevice(cookie);
    all.put(device, named);
    return () -> all.remove(device, named);
  }

  /** What the program calls a device that is bound here; empty when it is not known. */
  public Optional<DeviceCookie> cookieOf(DevId device) {
    NamedDevice named = devices.get(device);
    return named == null ? Optional.empty() : Optional.of(named.cookie);
  }

  /** A binding: two of them are never equal, even with the same cookie. */
  private static final class NamedDevice {
    private final DeviceCookie cookie;

    NamedDevice(DeviceCookie cookie) {
      this.cookie = cookie;
    }
  }

  /** Which calls, and which fields of calls, the kernel has. */
  public KernelFeatures<IommufdFeature> kernelFeatures() {
    lifetime().enter();
    try {
      return KernelFeatures.ask(
          toString(), IommufdFeature.class, feature -> feature.isIn(kernel(), heldFd()));
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

  /** For the release of an object of this context: must not refer to the object. */
  Runnable destroyer(int id, String name) {
    Kernel kernel = kernel();
    int fd = heldFd();
    return () -> destroy(kernel, fd, id, name);
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
