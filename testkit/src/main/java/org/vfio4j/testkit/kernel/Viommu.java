// SPDX-License-Identifier: Apache-2.0
package org.vfio4j.testkit.kernel;

import java.util.HashMap;
import java.util.Map;
import org.vfio4j.Errno;

/** A virtual IOMMU: what a guest's devices, page tables, events and queues belong to. */
final class Viommu extends IommufdObject {
  private final PagingHwpt parent;
  private final VirtualIommu iommu;
  private final Map<Long, Vdevice> devices = new HashMap<>();
  private final Map<Integer, Veventq> eventQueues = new HashMap<>();

  Viommu(IommufdContext context, PagingHwpt parent, VirtualIommu iommu) {
    super(context);
    this.parent = parent;
    this.iommu = iommu;
    parent.use();
  }

  PagingHwpt parent() {
    return parent;
  }

  VirtualIommu iommu() {
    return iommu;
  }

  IommuDriver driver() {
    return iommu.owner();
  }

  NestedDomain allocateNested(int flags, UserData data) {
    return iommu.allocateNested(flags, data);
  }

  void invalidate(UserArray entries) {
    iommu.invalidate(this, entries);
  }

  /** The device that a guest knows by an id; null for none. */
  Vdevice device(long virtualId) {
    return devices.get(virtualId);
  }

  void add(Vdevice device) {
    KernelError.refuseIf(devices.containsKey(device.virtualId()), Errno.EEXIST);
    devices.put(device.virtualId(), device);
  }

  void remove(Vdevice device) {
    devices.remove(device.virtualId(), device);
  }

  /** Of a type; null for none. */
  Veventq eventQueue(int type) {
    return eventQueues.get(type);
  }

  void add(Veventq queue) {
    eventQueues.put(queue.type(), queue);
  }

  void remove(Veventq queue) {
    eventQueues.remove(queue.type(), queue);
  }

  @Override
  void destroyed() {
    parent.unuse();
  }
}
