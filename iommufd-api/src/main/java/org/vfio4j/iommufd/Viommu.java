// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.iommufd;

import java.lang.ref.Reference;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.vfio4j.Errno;
import org.vfio4j.VfioException;
import org.vfio4j.VfioException.Reason;
import org.vfio4j.iommufd.uapi.IommuVdeviceAlloc;
import org.vfio4j.iommufd.uapi.IommuViommuAlloc;
import org.vfio4j.iommufd.uapi.IommufdUapi;
import org.vfio4j.linux.Kernel;
import org.vfio4j.linux.KernelObject;
import org.vfio4j.linux.Lifetime;
import org.vfio4j.memory.NativeBlock;

/**
 * A slice of an IOMMU for one guest: its devices, by the ids that the guest gives them, its page
 * tables, its events and its queues.
 *
 * <p>It keeps its page table, and stays open until what was made from it is closed. Thread safe.
 * Linux 6.13. Source: {@code drivers/iommu/iommufd/viommu.c}.
 */
public final class Viommu extends KernelObject {
  private final PagingHwpt parent;
  private final int id;
  private final int type;

  /** Which device the guest means by an id. */
  private final Map<Long, DevId> devices = new ConcurrentHashMap<>();

  private Viommu(PagingHwpt parent, int id, int type, Lifetime lifetime) {
    super(lifetime);
    this.parent = parent;
    this.id = id;
    this.type = type;
  }

  static Viommu allocate(PagingHwpt parent, DevId device, int type, NativeBlock data) {
    Iommufd iommufd = parent.iommufd();
    parent.lifetime().enter();
    try {
      IommuViommuAlloc alloc =
          new IommuViommuAlloc().type(type).devId(device.value()).hwptId(parent.id().value());
      if (data != null) {
        alloc.dataLen(data.capacity()).dataUptr(data.address());
      }
      int result =
          iommufd.kernel().ioctl(iommufd.fdForChildren(), IommufdUapi.IOMMU_VIOMMU_ALLOC, alloc);
      if (result < 0) {
        throw HwptErrors.viommu(parent, device, result);
      }
      int id = alloc.outViommuId();
      String name = "virtual IOMMU " + id + " of " + iommufd.lifetime().name();
      Lifetime lifetime = new Lifetime(name, iommufd.destroyer(id, name), parent.lifetime());
      return new Viommu(parent, id, type, lifetime);
    } finally {
      Reference.reachabilityFence(data);
      parent.lifetime().leave();
    }
  }

  /** Its id inside its iommufd. */
  public int id() {
    return id;
  }

  /** {@code IOMMU_VIOMMU_TYPE_*}. */
  public int type() {
    return type;
  }

  /** The page table that the guest's ones are nested on. */
  public PagingHwpt parent() {
    return parent;
  }

  public Iommufd iommufd() {
    return parent.iommufd();
  }

  /**
   * Says by which id the guest knows a device.
   *
   * @param virtualId what the guest's IOMMU driver calls the device: a stream id, a requester id
   * @throws VfioException ({@link Reason#OVERLAP}: EEXIST when the id is taken, or the device has
   *     one, {@link Reason#INVALID_ARGUMENT}: EINVAL when the device is behind another IOMMU,
   *     {@link Reason#NO_SUCH_DEVICE}: ENOENT)
   */
  public Vdevice vdevice(DevId device, long virtualId) {
    lifetime().enter();
    try {
      IommuVdeviceAlloc alloc =
          new IommuVdeviceAlloc().viommuId(id).devId(device.value()).virtId(virtualId);
      int result =
          iommufd()
              .kernel()
              .ioctl(iommufd().fdForChildren(), IommufdUapi.IOMMU_VDEVICE_ALLOC, alloc);
      if (result < 0) {
        String what = "of " + device + " as " + Long.toUnsignedString(virtualId) + " in " + this;
        throw HwptErrors.vdevice(what, result);
      }
      devices.put(virtualId, device);
      return new Vdevice(alloc.outVdeviceId(), device, virtualId, vdeviceLifetime(alloc, device));
    } finally {
      lifetime().leave();
    }
  }

  private Lifetime vdeviceLifetime(IommuVdeviceAlloc alloc, DevId device) {
    int vdeviceId = alloc.outVdeviceId();
    long virtualId = alloc.virtId();
    String name = "virtual device " + vdeviceId + " of " + iommufd().lifetime().name();
    Kernel kernel = iommufd().kernel();
    int fd = iommufd().fdForChildren();
    Map<Long, DevId> known = devices;
    Runnable destroy =
        () -> {
          known.remove(virtualId, device);
          try {
            Iommufd.destroy(kernel, fd, vdeviceId, name);
          } catch (VfioException e) {
            // Since Linux 6.17 it goes with its device.
            if (e.errno().orElse(null) != Errno.ENOENT) {
              throw e;
            }
          }
        };
    return new Lifetime(name, destroy, lifetime());
  }

  /** What the program calls the device that the guest knows by an id; empty when not known. */
  public Optional<DeviceCookie> cookieOf(long virtualId) {
    DevId device = devices.get(virtualId);
    return device == null ? Optional.empty() : iommufd().cookieOf(device);
  }

  /** A page table of the guest. */
  public NestedHwpt.Builder nested(DevId device, HwptData data) {
    return new NestedHwpt.Builder(iommufd(), lifetime(), id, toString(), device, data);
  }

  /** As {@link NestedHwpt#invalidate}, of what the IOMMU keeps for the guest's devices. */
  public void invalidate(Invalidations entries) {
    int result = tryInvalidate(entries);
    if (result < 0) {
      throw HwptErrors.invalidate(toString(), entries, result);
    }
  }

  /** As {@link #invalidate}; gives 0, or the negative errno of the entry that was refused. */
  public int tryInvalidate(Invalidations entries) {
    lifetime().enter();
    try {
      return entries.send(iommufd(), id);
    } finally {
      lifetime().leave();
    }
  }

  /**
   * A queue of events for the guest. Linux 6.15.
   *
   * @param eventType {@code IOMMU_VEVENTQ_TYPE_*}; one queue of each
   * @param depth how many events it holds before it loses some
   * @throws VfioException ({@link Reason#OVERLAP}: EEXIST when there is one of the type)
   */
  public VirtualEventQueue eventQueue(int eventType, int depth) {
    lifetime().enter();
    try {
      return VirtualEventQueue.allocate(this, eventType, depth);
    } finally {
      lifetime().leave();
    }
  }

  /**
   * A queue that the hardware reads from the guest's memory, which cannot be unmapped meanwhile.
   * Linux 6.17.
   *
   * @param queueType {@code IOMMU_HW_QUEUE_TYPE_*}
   * @param index which of the queues of that type
   * @param iova of the parent's, where the queue lies
   * @param length in bytes
   * @throws VfioException ({@link Reason#NO_SUCH_DEVICE}: ENOENT when not all of it is mapped,
   *     {@link Reason#INVALID_ARGUMENT}: EFAULT when the pages do not lie side by side)
   */
  public HwQueue hwQueue(int queueType, int index, long iova, long length) {
    lifetime().enter();
    try {
      return HwQueue.allocate(this, queueType, index, iova, length);
    } finally {
      lifetime().leave();
    }
  }
}
