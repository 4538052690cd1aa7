// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.device;

import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.device.uapi.VfioDeviceInfo;
import org.vfio4j.device.uapi.VfioDeviceUapi;
import org.vfio4j.device.uapi.VfioIrqInfo;
import org.vfio4j.device.uapi.VfioRegionInfo;
import org.vfio4j.dma.IovaRange;
import org.vfio4j.linux.FileObject;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.KernelFeatures;
import org.vfio4j.linux.Lifetime;

/**
 * An open VFIO device file that answers, however it was opened.
 *
 * <p>Regions that were mapped and interrupts that were enabled keep the file open until they are
 * closed too.
 *
 * <p>Thread safe. Linux 3.6. Source: {@code include/uapi/linux/vfio.h}, {@code
 * drivers/vfio/vfio_main.c}, {@code drivers/vfio/pci/vfio_pci_core.c}.
 */
public class VfioDevice extends FileObject {
  private final Object configLock = new Object();

  /** Irq indexes with an open {@link Interrupts}; shared with their release actions. */
  private final Set<Integer> enabledIrqs = new ConcurrentSkipListSet<>();

  private final DeviceRequests requests;

  private volatile DeviceInfo info;

  /**
   * Owns {@code fd} from here on.
   *
   * @param name the device, for messages: {@code 0000:00:05.0}
   * @param afterClose what else is to be given back when the file has been closed; must not refer
   *     to this object
   * @param parents what must stay open for as long as the device is
   */
  protected VfioDevice(
      Kernel kernel, int fd, String name, Runnable afterClose, Lifetime... parents) {
    this(new DeviceRequests(afterClose), kernel, fd, name, parents);
  }

  private VfioDevice(
      DeviceRequests requests, Kernel kernel, int fd, String name, Lifetime... parents) {
    super(kernel, fd, name, requests::deviceClosed, parents);
    this.requests = requests;
    requests.of(this);
  }

  /** Takes over a device file descriptor that was opened, and bound, elsewhere. */
  public static VfioDevice adopt(Kernel kernel, int fd, String name) {
    return new VfioDevice(kernel, fd, name, () -> {});
  }

  /**
   * What the device says of itself. Read once: it stays the same for as long as the file is open.
   *
   * @throws VfioException ({@link Reason#WRONG_STATE}: EINVAL when the file is not bound to an
   *     iommufd, {@link Reason#NOT_IN_KERNEL}: ENOTTY when it is no device file, {@link
   *     Reason#DEVICE_FAULT}: EIO)
   */
  public final DeviceInfo info() {
    DeviceInfo known = info;
    if (known == null) {
      known = readInfo();
      info = known;
    }
    return known;
  }

  /**
   * One of the device's regions, with what the kernel says of it now.
   *
   * @param index for a PCI function: see {@link VfioPci}
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT} when the device has no such index,
   *     {@link Reason#NOT_SUPPORTED}: EINVAL for the VGA region of another device; an unused BAR is
   *     a region of size 0)
   */
  public final Region region(int index) {
    String operation = "VFIO_DEVICE_GET_REGION_INFO";
    DeviceInfo device = info();
    if (index < 0 || index >= device.numRegions()) {
      throw DeviceErrors.noSuchIndex(this, operation, "region", index, device.numRegions());
    }
    String name = regionName(index) + " of " + lifetime().name();
    String origin = operation + " of " + name;
    lifetime().enter();
    try {
      VfioRegionInfo answer =
          CapabilityChain.query(
              origin,
              room -> new VfioRegionInfo(room).index(index),
              question -> {
                int result =
                    kernel().ioctl(heldFd(), VfioDeviceUapi.VFIO_DEVICE_GET_REGION_INFO, question);
                if (Errno.EINVAL.is(result)) {
                  throw DeviceErrors.notThere(operation, "of " + name);
                }
                if (result < 0) {
                  throw DeviceErrors.failed(operation, "of " + name, result);
                }
              });
      boolean caps = (answer.flags() & VfioDeviceUapi.VFIO_REGION_INFO_FLAG_CAPS) != 0;
      CapabilityChain capabilities =
          CapabilityChain.read(
              origin, answer, VfioRegionInfo.SIZEOF, caps ? answer.capOffset() : 0);
      return new Region(
          this,
          name,
          RegionInfo.of(
              origin, index, answer.flags(), answer.size(), answer.offset(), capabilities));
    } finally {
      lifetime().leave();
    }
  }

  /**
   * One of the device's irq indexes, with what the kernel says of it now.
   *
   * @param index for a PCI function: see {@link VfioPci}
   * @throws VfioException ({@link Reason#INVALID_ARGUMENT} when the device has no such index,
   *     {@link Reason#NOT_SUPPORTED}: EINVAL for ERR on a conventional PCI function; MSI of a
   *     function without it is an index with 0 vectors)
   */
  public final IrqIndex interrupts(int index) {
    String operation = "VFIO_DEVICE_GET_IRQ_INFO";
    DeviceInfo device = info();
    if (index < 0 || index >= device.numIrqs()) {
      throw DeviceErrors.noSuchIndex(this, operation, "irq index", index, device.numIrqs());
    }
    String name = irqName(index) + " of " + lifetime().name();
    lifetime().enter();
    try {
      VfioIrqInfo answer = new VfioIrqInfo().index(index);
      int result = kernel().ioctl(heldFd(), VfioDeviceUapi.VFIO_DEVICE_GET_IRQ_INFO, answer);
      if (Errno.EINVAL.is(result)) {
        throw DeviceErrors.notThere(operation, "of " + name);
      }
      if (result < 0) {
        throw DeviceErrors.failed(operation, "of " + name, result);
      }
      return new IrqIndex(this, name, new IrqInfo(index, answer.flags(), answer.count()));
    } finally {
      lifetime().leave();
    }
  }

  /**
   * The configuration space of a PCI function.
   *
   * @throws VfioException ({@link Reason#NOT_SUPPORTED} when the device is something else)
   */
  public final PciConfigSpace config() {
    if (!info().has(DeviceInfo.Flag.PCI)) {
      throw VfioException.failed(Reason.NOT_SUPPORTED, "configuration space")
          .on("of " + this)
          .fact("it is not a PCI device: " + info())
          .build();
    }
    return new PciConfigSpace(region(VfioPci.CONFIG), configLock);
  }

  /**
   * Resets the device, and nothing beside it. Mappings of its regions stay valid, interrupts stay
   * enabled, the configuration space is restored by the kernel; accesses by other threads meanwhile
   * wait, or fail as {@link MappedRegion} says.
   *
   * @throws VfioException ({@link Reason#NOT_SUPPORTED}: EINVAL when the device has no reset of its
   *     own, {@link Reason#IN_USE}: EAGAIN when another operation holds the device)
   */
  public final void reset() {
    DeviceInfo device = info();
    lifetime().enter();
    try {
      int result = kernel().ioctl(heldFd(), VfioDeviceUapi.VFIO_DEVICE_RESET, 0L);
      if (result < 0) {
        throw DeviceErrors.reset(this, device, result);
      }
    } finally {
      lifetime().leave();
    }
  }

  /**
   * Which features the kernel and the driver of the device have, and what the others need.
   *
   * @throws VfioException as {@link DeviceFeatures#has}
   */
  public final KernelFeatures<DeviceFeature> kernelFeatures() {
    return KernelFeatures.ask(toString(), DeviceFeature.class, features()::has);
  }

  /** What the device can do beside regions and interrupts. */
  public final DeviceFeatures features() {
    return new DeviceFeatures(this);
  }

  /**
   * The migration of the device. To be asked for once: the object remembers the stream underway.
   *
   * @throws VfioException ({@link Reason#NOT_SUPPORTED}: ENOTTY when the device cannot migrate)
   */
  public final Migration migration() {
    return Migration.of(this);
  }

  /**
   * Begins to log where the device writes. Linux 6.1.
   *
   * @param pageSize what to log, in bytes, a power of two; the driver may take another one
   * @param ranges what to log, at most {@link DmaLogging#MAX_RANGES}, of whole pages
   * @throws VfioException ({@link Reason#NOT_SUPPORTED}: ENOTTY when the device cannot, {@link
   *     Reason#INVALID_ARGUMENT}: EINVAL, E2BIG, EOVERFLOW for ranges that cannot be, {@link
   *     Reason#IN_USE}: EBUSY when it does already)
   */
  public final DmaLogging startDmaLogging(long pageSize, List<IovaRange> ranges) {
    return DmaLogging.start(this, pageSize, ranges);
  }

  /** How the device may sleep while it is not used. Linux 6.1. */
  public final LowPower lowPower() {
    return new LowPower(this);
  }

  /** The picture of the device. Linux 4.16. */
  public final Graphics graphics() {
    return new Graphics(this);
  }

  /**
   * What a reset of the whole slot or bus of the device would reset, as it is now; nothing is reset
   * yet.
   *
   * @throws VfioException ({@link Reason#NOT_SUPPORTED}: ENODEV when neither can be reset, ENOTTY
   *     when it is no PCI function, {@link Reason#NO_PERMISSION}: EPERM when an affected function
   *     is in no group)
   */
  public final HotReset planHotReset() {
    return HotReset.plan(this);
  }

  /** Who hears when the host wants the device back. */
  public final DeviceRequests requests() {
    return requests;
  }

  /** For what belongs to this device and holds it. */
  final int fdForChildren() {
    return heldFd();
  }

  final Set<Integer> enabledIrqs() {
    return enabledIrqs;
  }

  final String irqName(int index) {
    return info().has(DeviceInfo.Flag.PCI) ? VfioPci.irqName(index) : "irq index " + index;
  }

  private String regionName(int index) {
    return info().has(DeviceInfo.Flag.PCI) ? VfioPci.regionName(index) : "region " + index;
  }

  private DeviceInfo readInfo() {
    String origin = "VFIO_DEVICE_GET_INFO of " + lifetime().name();
    lifetime().enter();
    try {
      VfioDeviceInfo answer =
          CapabilityChain.query(
              origin,
              VfioDeviceInfo::new,
              question -> {
                int result =
                    kernel().ioctl(heldFd(), VfioDeviceUapi.VFIO_DEVICE_GET_INFO, question);
                if (result < 0) {
                  throw DeviceErrors.info(this, result);
                }
              });
      boolean caps = (answer.flags() & VfioDeviceUapi.VFIO_DEVICE_FLAGS_CAPS) != 0;
      CapabilityChain capabilities =
          CapabilityChain.read(
              origin, answer, VfioDeviceInfo.SIZEOF, caps ? answer.capOffset() : 0);
      return new DeviceInfo(answer.flags(), answer.numRegions(), answer.numIrqs(), capabilities);
    } finally {
      lifetime().leave();
    }
  }
}
